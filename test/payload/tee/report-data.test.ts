/** The worked example of docs/tee.md: report data of every type, recomputed from the page itself. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { decodeHex, encodeHex } from '../../../src/bytes/hex.ts'
import { parseCoseKey } from '../../../src/cose/public-key.ts'
import { bindingDigest, makeReportData } from '../../../src/payload/tee/report-data.ts'
import type { ReportDataRequest } from '../../../src/payload/tee/report-data.ts'

const page = readFileSync(new URL('../../../docs/tee.md', import.meta.url), 'utf8')

/** The block of the page that follows a marker, each line without its indentation. */
function block(marker: string): string[] {
  const [, rest] = page.split(`<!-- ${marker} -->\n`)
  const lines = (rest ?? '').split('\n')
  const end = lines.findIndex((line, at) => at > 0 && line !== '' && !line.startsWith('    '))
  return lines
    .slice(0, end)
    .filter((line) => line !== '')
    .map((line) => line.slice(4))
}

/** Hex over several lines. */
const hex = (marker: string): string => block(marker).join('')

describe('the worked example of docs/tee.md', () => {
  const key = parseCoseKey(decodeHex(hex('example key')))
  const note = encodeUtf8(`${block('example note').join('\n').replace('—', '\n—')}\n`)
  const payload = encodeUtf8(block('example payload').join('\n'))
  const buildId = block('example build id').join('')
  const requests: Readonly<Record<string, ReportDataRequest>> = {
    key: { type: 'key', key, note },
    payload: { type: 'payload', payload, note },
    checkpoint: { type: 'checkpoint', note },
    build: { type: 'build', buildId, key, note },
  }

  it.each(Object.entries(requests))('%s', (name, request) => {
    const expected = hex(`example ${name} report data`)
    expect(expected).toMatch(/^[0-9a-f]{128}$/)
    expect(encodeHex(makeReportData(request))).toBe(expected)
    expect(encodeHex(makeReportData(request))).toContain(encodeHex(bindingDigest(request)))
  })

  it('without a checkpoint the second half is zeros', () => {
    const alone = encodeHex(makeReportData({ type: 'key', key }))
    expect(alone).toBe(hex('example key report data').slice(0, 64) + '0'.repeat(64))
  })
})
