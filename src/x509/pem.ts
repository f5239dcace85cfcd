/**
 * PEM text (RFC 7468), strictly: blocks of one label and nothing between them but empty lines. It
 * leaves out explanatory text, headers and encrypted blocks.
 */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { InputError } from '../errors.ts'

const TEXT_MAX = 1024 * 1024
const BLOCKS_MAX = 1024
const LINE = 64

function malformed(message: string, cause?: unknown): InputError {
  return new InputError('ERR_PEM', message, cause === undefined ? undefined : { cause })
}

function decodeBlock(lines: readonly string[], label: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = decodeBase64(lines.join(''))
  } catch (cause) {
    throw malformed(`the content of the ${label} block is not base64`, cause)
  }
  if (bytes.length === 0) throw malformed(`the ${label} block is empty`)
  return bytes
}

/**
 * Content of all blocks of a PEM text, in order; there is at least one.
 * @throws InputError `ERR_PEM` for another label, text outside the blocks, or content that is not
 * canonical base64.
 */
export function decodePem(text: string, label: string): Uint8Array[] {
  if (text.length > TEXT_MAX) throw malformed(`PEM text is longer than ${TEXT_MAX} characters`)
  const begin = `-----BEGIN ${label}-----`
  const end = `-----END ${label}-----`
  const blocks: Uint8Array[] = []
  let lines: string[] | undefined
  for (const raw of text.split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (lines === undefined) {
      if (line.trim() === '') continue
      if (line !== begin) throw malformed(`expected "${begin}"`)
      if (blocks.length >= BLOCKS_MAX) throw malformed(`more than ${BLOCKS_MAX} blocks`)
      lines = []
    } else if (line === end) {
      blocks.push(decodeBlock(lines, label))
      lines = undefined
    } else lines.push(line)
  }
  if (lines !== undefined) throw malformed(`"${end}" is missing`)
  if (blocks.length === 0) throw malformed(`no ${label} block`)
  return blocks
}

/** One PEM block with lines of 64 characters and a final newline. */
export function encodePem(label: string, der: Uint8Array): string {
  const text = encodeBase64(der)
  const lines: string[] = []
  for (let i = 0; i < text.length; i += LINE) lines.push(text.slice(i, i + LINE))
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
