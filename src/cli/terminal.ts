/**
 * The one place that writes to standard output and standard error. Every line passes through
 * {@link escapeText}; colour is added after that, and only on a terminal without `NO_COLOR`.
 */
import { escapeJson, escapeJsonText, escapeText } from './escape.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong'

/** A line for people: plain text, or text with a tone that shows as colour on a terminal. */
export type Line = string | { readonly text: string; readonly tone: Tone }

const SGR: Readonly<Record<Tone, string>> = {
  good: '32',
  bad: '31',
  warn: '33',
  dim: '2',
  strong: '1',
}

interface Sink extends NodeJS.WritableStream {
  readonly isTTY?: boolean
}

function render(line: Line, colour: boolean): string {
  if (typeof line === 'string') return escapeText(line)
  const text = escapeText(line.text)
  return colour ? `\u001b[${SGR[line.tone]}m${text}\u001b[0m` : text
}

function write(sink: Sink, lines: readonly Line[]): void {
  if (lines.length === 0) return
  // https://no-color.org: set and not empty.
  const colour = sink.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  sink.write(lines.map((line) => render(line, colour) + '\n').join(''))
}

/** Prints lines on standard output. */
export function print(lines: readonly Line[]): void {
  write(process.stdout, lines)
}

/** Prints lines on standard error. */
export function printError(lines: readonly Line[]): void {
  write(process.stderr, lines)
}

/** Prints one JSON value on one line of standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(escapeJson(value) + '\n')
}

/** Writes a line of JSON, made elsewhere, on standard error. */
export function printLogLine(line: string): void {
  process.stderr.write(escapeJsonText(line.trimEnd()) + '\n')
}

/** Rows of name and value with the values in one column; rows without a value are left out. */
export function fields(rows: readonly (readonly [string, string | undefined])[]): string[] {
  const present = rows.filter((row): row is [string, string] => row[1] !== undefined)
  const width = Math.max(0, ...present.map(([name]) => name.length))
  return present.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

/** A word of a shell command that is printed to be pasted. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Grouped decimal: 12345 as `12,345`. */
export function formatNumber(value: number | bigint): string {
  return value.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** RFC 3339 in UTC of Unix seconds. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return `${seconds} s since 1970`
  return date.toISOString().replace('.000Z', 'Z')
}

/**
 * Installs what happens when an output cannot be written; called once by main. A reader that went away
 * (`attestry inspect … | head`) is not an error of ours; anything else ends the process in `onLost`, with a
 * status that is none of a command's answers. Of standard error nobody can be told, so nothing ends for it.
 */
export function guardOutputs(onLost: (cause: Error) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') onLost(error)
  })
  process.stderr.on('error', () => undefined)
}
