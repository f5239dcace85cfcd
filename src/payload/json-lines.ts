/**
 * JSON lines (in-toto's `.intoto.jsonl`): one JSON value a line. Lines are cut out of the file as they
 * are, because each was signed on its own; the file as a whole was signed by nobody.
 */
import { malformed } from './malformed.ts'

/** Most lines of one payload. */
export const JSON_LINES_MAX = 256

export interface JsonLine {
  /** The bytes of the line, without its end and without white space around it. */
  readonly bytes: Uint8Array
  /** `/0` for the first line that is not empty. */
  readonly pointer: string
}

const LINE_FEED = 0x0a
/** Space, tab and carriage return. */
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d

/** @throws PayloadError when there is no line, or more than {@link JSON_LINES_MAX}. */
export function splitJsonLines(bytes: Uint8Array): readonly JsonLine[] {
  const lines: JsonLine[] = []
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(LINE_FEED, start)
    const end = feed < 0 ? bytes.length : feed
    const line = trim(bytes.subarray(start, end))
    if (line.length > 0) lines.push({ bytes: line, pointer: `/${lines.length}` })
    if (lines.length > JSON_LINES_MAX) malformed('', `more than ${JSON_LINES_MAX} lines`)
    start = end + 1
  }
  if (lines.length === 0) malformed('', 'there is no line')
  return lines
}

function trim(line: Uint8Array): Uint8Array {
  let [start, end] = [0, line.length]
  while (start < end && isBlank(line[start])) start += 1
  while (end > start && isBlank(line[end - 1])) end -= 1
  return line.subarray(start, end)
}
