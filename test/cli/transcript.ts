/**
 * Golden transcripts: `$ command` lines, what they print (standard output and standard error
 * together), and `? status` where it is not 0. What differs from run to run is a placeholder:
 * <HEX> 64 hex digits, <TIME> an RFC 3339 time, <N> a number, <URL> a loopback address, <*> anything.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Step {
  readonly command: string
  readonly expected: string
  readonly status: number
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  '<HEX>': '[0-9a-f]{64}',
  '<TIME>': '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z',
  '<N>': '[\\d,]+',
  '<URL>': 'http://127\\.0\\.0\\.1:\\d+',
  '<*>': '.*',
}

/** The steps of `test/transcripts/<name>.txt`; `#` lines are comments. */
export function readTranscript(name: string): Step[] {
  const path = fileURLToPath(new URL(`../transcripts/${name}.txt`, import.meta.url))
  const blocks = readFileSync(path, 'utf8').split(/^\$ /m).slice(1)
  return blocks.map((block) => {
    const [command, ...rest] = block.trimEnd().split('\n') as [string, ...string[]]
    const output = rest.filter((line) => !line.startsWith('#')).join('\n')
    const lines = output.trim().split('\n')
    const last = lines.at(-1)?.startsWith('? ') === true ? lines.pop()! : '? 0'
    const expected = lines.join('\n').trim()
    return { command, expected, status: Number(last.slice(2)) }
  })
}

/** A pattern that matches exactly the expected output. */
export function patternOf(expected: string): RegExp {
  const escaped = expected.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const pattern = Object.entries(PLACEHOLDERS).reduce(
    (text, [name, regex]) => text.replaceAll(name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), regex),
    escaped,
  )
  return new RegExp(`^${pattern}$`)
}
