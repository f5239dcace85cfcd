/** What an operator's SDK is given, with the real one. It keeps its spans in memory here. */
import { join } from 'node:path'
import { propagation, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { observeBoth, openTraces } from '../../src/app/traces.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const data = join(temporaryDirectory(), 'data')
const signer = testSigner()
const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const running: RunningRegistry[] = []

/** A caller's span, as the header has it. */
const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`

beforeAll(async () => {
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
})
beforeEach(() => {
  provider.register()
  exporter.reset()
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
  trace.disable()
  propagation.disable()
})
afterAll(() => provider.shutdown())

async function start(flags: Partial<ServeFlags> = {}): Promise<string> {
  const given = { data, port: 0, index: 'off', traces: true, ...flags }
  const registry = await startRegistry(readConfig(given, { report: () => undefined }))
  running.push(registry)
  return registry.url
}

async function statement(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const names = { issuer: 'https://issuer.example', subject: 'demo' }
  const payload = encodeUtf8(text)
  return new Uint8Array(await signStatement({ payload, ...names, contentType: 'a/b', signer }))
}

function post(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = { 'Content-Type': 'application/cose', ...more }
  return fetch(url, { method: 'POST', headers, body })
}

/** Ended spans of a name, once there are so many of them. */
async function spans(name: string, count = 1): Promise<readonly ReadableSpan[]> {
  return vi.waitFor(() => {
    const found = exporter.getFinishedSpans().filter((span) => span.name === name)
    expect(found.length, name).toBe(count)
    return found
  })
}

describe('traces of a registration', () => {
  it('are a request with its parts, in the trace of the caller', async () => {
    const url = await start({ trustProxy: true })
    const headers = { traceparent: TRACEPARENT, 'X-Request-Id': 'proxy-7' }
    const response = await post(`${url}/entries?secret=1`, await statement('one'), headers)
    expect(response.status).toBe(201)
    const entryId = response.headers.get('location')!.slice('/entries/'.length)

    const [request] = await spans('POST /entries')
    expect(request!.parentSpanContext).toMatchObject(CALLER)
    expect(request!.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/entries',
      'http.response.status_code': 201,
      'url.path': '/entries',
      'url.scheme': 'http',
      'attestry.request_id': 'proxy-7',
    })
    for (const part of ['admit', 'append']) {
      const [span] = await spans(part)
      expect(span!.spanContext().traceId).toBe(CALLER.traceId)
      expect(span!.parentSpanContext!.spanId).toBe(request!.spanContext().spanId)
      expect(span!.attributes).toEqual({ 'attestry.entry_id': entryId })
    }
  })

  it('name the batch and its steps, in a trace of its own', async () => {
    const url = await start()
    await post(`${url}/entries`, await statement('two'), { traceparent: TRACEPARENT })
    const [batch] = await spans('batch')
    expect(batch!.parentSpanContext).toBeUndefined()
    expect(batch!.spanContext().traceId).not.toBe(CALLER.traceId)
    expect(batch!.attributes).toEqual({ 'attestry.batch.entries': 1 })
    expect(batch!.events.map(({ name }) => name)).toEqual([
      ...['committed', 'verified', 'signed', 'guarded'],
    ])
  })

  it('has the parts of each statement of a request with many', async () => {
    const url = await start()
    const body = concatBytes(await statement('three'), await statement('four'))
    const type = { 'Content-Type': 'application/cbor-seq' }
    const answered = await post(`${url}/batches`, new Uint8Array(body), type)
    expect(answered.status).toBe(200)
    const [request] = await spans('POST /batches')
    for (const span of [...(await spans('admit', 2)), ...(await spans('append', 2))]) {
      expect(span.parentSpanContext!.spanId).toBe(request!.spanContext().spanId)
    }
  })

  it('say by its code what was refused, and nothing of what was sent', async () => {
    const url = await start()
    const names = { issuer: 'https://other.example', subject: 'TOPSECRET' }
    const payload = encodeUtf8('TOPSECRET')
    const other = testSigner()
    const body = await signStatement({ payload, ...names, contentType: 'a/b', signer: other })
    const authorization = { Authorization: 'Bearer TOPSECRET' }
    expect((await post(`${url}/entries`, new Uint8Array(body))).status).toBe(400)
    expect((await post(`${url}/entries`, new Uint8Array(body), authorization)).status).toBe(401)
    const [admit] = await spans('admit')
    expect(admit!.attributes['error.type']).toBe('ERR_POLICY_REJECTED')
    expect(admit!.status).toEqual({ code: 2 })
    // A fault of the client is no error of the server.
    const requests = await spans('POST /entries', 2)
    expect(requests.map(({ status }) => status)).toEqual([{ code: 0 }, { code: 0 }])
    const told = exporter.getFinishedSpans().map(({ name, attributes, events, status }) => {
      return JSON.stringify({ name, attributes, events, status })
    })
    expect(told.join('\n')).not.toMatch(/TOPSECRET|other\.example|127\.0\.0\.1/)
  })

  it('names no route that there is not, and traces reads by the names of their parameters', async () => {
    const url = await start()
    await (await fetch(`${url}/nowhere`)).arrayBuffer()
    await (await fetch(`${url}/entries/${'0'.repeat(64)}`)).arrayBuffer()
    const [unknown] = await spans('GET')
    expect(unknown!.attributes).toMatchObject({ 'http.response.status_code': 404 })
    expect(unknown!.attributes).not.toHaveProperty('http.route')
    const [entry] = await spans('GET /entries/:entryId')
    expect(entry!.attributes).toMatchObject({ 'http.response.status_code': 404 })
  })

  it('are not made unless they are asked for', async () => {
    const url = await start({ traces: false })
    expect((await post(`${url}/entries`, await statement('five'))).status).toBe(201)
    await running.splice(0)[0]!.close()
    expect(exporter.getFinishedSpans()).toEqual([])
  })
})

describe('a batch after the clock was set', () => {
  it.each([3600, -3600])('is when the clock says (%i s), as long as it took', async (seconds) => {
    const { log } = await openTraces('1')
    const began = performance.timeOrigin + performance.now()
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Math.round(began) + 1000 * seconds)
    try {
      log.onBatch('begun', 1, began)
      // Setting the clock again in the middle makes no batch longer.
      clock.mockReturnValue(Math.round(began))
      log.onBatch('guarded', 1, began + 5.5)
    } finally {
      clock.mockRestore()
    }
    const [batch] = await spans('batch')
    expect(Math.abs(batch!.startTime[0] - began / 1000 - seconds)).toBeLessThan(60)
    expect(batch!.duration[0]).toBe(0)
    expect(batch!.duration[1]).toBeCloseTo(5_500_000, -4)
  })
})

describe('a batch that fails', () => {
  it('ends as an error with the steps that it made, once the next one begins', async () => {
    const { log } = await openTraces('1')
    const now = Date.now()
    for (const step of ['begun', 'committed', 'begun', 'committed'] as const)
      log.onBatch(step, 3, now)
    for (const step of ['verified', 'signed', 'guarded'] as const) log.onBatch(step, 3, now + 5.5)
    const [failed, done] = await spans('batch', 2)
    expect(failed!.status).toEqual({ code: 2, message: 'not finished' })
    expect(failed!.events.map(({ name }) => name)).toEqual(['committed'])
    expect(done!.status).toEqual({ code: 0 })
    expect(done!.duration).toEqual([0, 5_500_000])
  })

  it('is told to all who observe', () => {
    const told: string[] = []
    const one = { onBatch: (step: string) => void told.push(step) }
    observeBoth(one, one)?.onBatch('begun', 1, 0)
    expect(told).toEqual(['begun', 'begun'])
    expect(observeBoth(one, undefined)).toBe(one)
    expect(observeBoth(undefined, one)).toBe(one)
    expect(observeBoth(undefined, undefined)).toBeUndefined()
  })
})

describe('the end', () => {
  it('flushes what the SDK has, and waits for no collector that does not answer', async () => {
    const flushed = vi.spyOn(provider, 'forceFlush')
    const traces = await openTraces('1')
    await traces.flush()
    expect(flushed).toHaveBeenCalledOnce()
    flushed.mockRejectedValueOnce(new Error('no collector'))
    await expect(traces.flush()).resolves.toBeUndefined()
    vi.useFakeTimers()
    try {
      flushed.mockReturnValueOnce(new Promise(() => undefined))
      const late = traces.flush()
      await vi.advanceTimersByTimeAsync(2000)
      await expect(late).resolves.toBeUndefined()
    } finally {
      vi.useRealTimers()
      flushed.mockRestore()
    }
  })
})

describe('a start with traces', () => {
  it('is refused without an SDK', async () => {
    trace.disable()
    await expect(start()).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining('no OpenTelemetry SDK is loaded') as string,
    })
  })

  it('is refused without the package', async () => {
    const load = (): Promise<never> => Promise.reject(new Error('Cannot find package'))
    await expect(openTraces('1', load)).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining('@opentelemetry/api') as string,
    })
  })

  it('sends no span of its own', async () => {
    await openTraces('1')
    await provider.forceFlush()
    expect(exporter.getFinishedSpans()).toEqual([])
  })
})
