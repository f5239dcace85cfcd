import { describe, expect, it } from 'vitest'
import { createEventLog } from '../../src/app/logging.ts'
import { escapeJsonText } from '../../src/cli/escape.ts'

function lineOf(event: Parameters<ReturnType<typeof createEventLog>>[0]): string {
  const lines: string[] = []
  createEventLog((line) => lines.push(line))(event)
  expect(lines.length).toBe(1)
  return lines[0]!
}

describe('the log of a server', () => {
  it('is one JSON object a line, level and time first', () => {
    const line = lineOf({ level: 'error', event: 'fatal', message: 'a\nb', depth: 1n.toString() })
    expect(line).toMatch(
      /^\{"level":"error","time":"\d{4}-\d\d-\d\dT[\d:.]+Z","event":"fatal",.*\}\n$/,
    )
    expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'fatal', message: 'a\nb' })
    expect(line.trimEnd()).not.toContain('\n')
  })

  it('keeps what a client wrote from terminals', () => {
    const path = '/\u001b]0;title\u0007\u202egnp\u2028'
    const text = escapeJsonText(lineOf({ level: 'info', event: 'request', path }).trimEnd())
    expect(text).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(text)).toMatchObject({ path })
  })

  it('cuts long texts', () => {
    const stack = 'x'.repeat(100_000)
    const line = lineOf({ level: 'error', event: 'request-failed', stack })
    expect(line.length).toBeLessThan(9000)
    expect(line).toContain('(100000 characters)')
  })
})
