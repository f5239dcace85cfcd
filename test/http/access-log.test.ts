import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AccessRecord } from '../../src/http/access-log.ts'
import { TestRegistry } from '../support/test-registry.ts'

const services: TestRegistry[] = []
afterEach(async () => {
  for (const one of services.splice(0)) await one.close()
})

async function serve(
  every: number,
  limits: { readonly trustProxy?: boolean } = {},
): Promise<{ url: string; records: AccessRecord[]; service: TestRegistry; failures: string[] }> {
  const records: AccessRecord[] = []
  const failures: string[] = []
  const http = {
    accessLog: { every, write: (record: AccessRecord) => void records.push(record) },
    onFailure: (_error: unknown, requestId: string) => void failures.push(requestId),
  }
  const service = await TestRegistry.create({ http, limits })
  services.push(service)
  const { url } = await service.listen()
  return { url, records, service, failures }
}

function count(records: readonly AccessRecord[], length: number): Promise<void> {
  return vi.waitFor(() => expect(records).toHaveLength(length), { timeout: 5000 })
}

describe('the access log', () => {
  it('tells method, path, status and time, and no query', async () => {
    const { url, records } = await serve(1)
    await fetch(`${url}/entries/nonsense?token=secret`, { headers: { 'X-Request-Id': 'mine' } })
    await count(records, 1)
    expect(records[0]).toMatchObject({ method: 'GET', path: '/entries/nonsense', status: 400 })
    expect(records[0]!.milliseconds).toBeGreaterThanOrEqual(0)
    expect(records[0]!.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(JSON.stringify(records)).not.toContain('secret')
  })

  it('tells one request in so many', async () => {
    const { url, records } = await serve(3)
    for (let i = 0; i < 7; i++) await (await fetch(`${url}/health`)).arrayBuffer()
    await count(records, 2)
    expect(records.map(({ path }) => path)).toEqual(['/health', '/health'])
  })

  it('takes the id of a trusted proxy, if it is one', async () => {
    const { url, records } = await serve(1, { trustProxy: true })
    await fetch(`${url}/health`, { headers: { 'X-Request-Id': 'proxy-1' } })
    await fetch(`${url}/health`, { headers: { 'X-Request-Id': 'a b"c' } })
    await count(records, 2)
    expect(records[0]!.requestId).toBe('proxy-1')
    expect(records[1]!.requestId).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('says the id that a failure of ours was answered with', async () => {
    const { url, records, service, failures } = await serve(1)
    service.registry.readCurrentHead = () => {
      throw new Error('broken')
    }
    const response = await fetch(`${url}/heads/current`)
    const { requestId } = (await response.json()) as { requestId: string }
    await count(records, 1)
    expect(records[0]).toMatchObject({ status: 500, requestId })
    expect(failures).toEqual([requestId])
  })

  it('says that a client went away', async () => {
    const { url, records } = await serve(1)
    const headers = {
      ...{ 'Content-Type': 'application/cose', 'Content-Length': 100 },
      Expect: '100-continue',
    }
    const req = request(`${url}/entries`, { method: 'POST', headers })
    req.on('error', () => undefined)
    req.flushHeaders()
    // The server asks for the body once it waits for it.
    await once(req, 'continue')
    req.destroy()
    await count(records, 1)
    expect(records[0]).toMatchObject({ path: '/entries', aborted: true })
  })
})
