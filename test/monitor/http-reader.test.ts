import { describe, expect, it } from 'vitest'
import { createHttpReader } from '../../src/monitor/http-reader.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import { rejection } from '../support/error-code.ts'

function readerOver(answers: (() => Response)[]): { reader: ResourceReader; pauses: number[] } {
  const pauses: number[] = []
  const reader = createHttpReader({
    url: 'https://log.example/prefix',
    fetch: async (url) => {
      expect(url).toBe('https://log.example/prefix/tile/0/000')
      return (answers.length > 1 ? answers.shift()! : answers[0]!)()
    },
    wait: async (milliseconds) => void pauses.push(milliseconds),
  })
  return { reader, pauses }
}

const status = (code: number, headers: Record<string, string> = {}) => {
  return (): Response => new Response(code === 200 ? 'hashes' : 'no', { status: code, headers })
}

describe('reading a log over HTTP', () => {
  it('reads what is there, and tells absence from failure', async () => {
    const found = await readerOver([status(200)]).reader.read('tile/0/000', 100)
    expect(new TextDecoder().decode(found)).toBe('hashes')
    expect(await readerOver([status(404)]).reader.read('tile/0/000', 100)).toBeUndefined()
    const refused = readerOver([status(403)]).reader
    expect(await rejection(() => refused.read('tile/0/000', 100))).toBe('ERR_RESPONSE')
  })

  it('comes again after 429, 503 and no answer, as told, and gives up in the end', async () => {
    const lost = (): Response => {
      throw new TypeError('fetch failed')
    }
    const answers = [status(503), status(429, { 'retry-after': '7' }), lost, status(200)]
    const { reader, pauses } = readerOver(answers)
    expect(await reader.read('tile/0/000', 100)).toBeDefined()
    expect(pauses).toEqual([250, 7000, 14_000])

    const dead = readerOver([status(500)])
    expect(await rejection(() => dead.reader.read('tile/0/000', 100))).toBe('ERR_NETWORK')
    expect(dead.pauses).toHaveLength(5)
  })

  it('reads no more than asked for', async () => {
    const { reader } = readerOver([status(200)])
    expect(await rejection(() => reader.read('tile/0/000', 3))).toBe('ERR_RESPONSE')
  })
})
