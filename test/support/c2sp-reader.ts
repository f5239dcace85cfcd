/**
 * A second reader of C2SP notes, cosignatures and proofs, for tests: written from the specifications
 * on node:crypto and Buffer, sharing no code with src/note or src/merkle.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const hash = (...parts: Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest()

interface Line {
  name: string
  keyId: Buffer
  signature: Buffer
}

/** Text and signature lines of a note. */
export function readNote(note: string): { text: string; lines: Line[] } {
  const match = /^([^]*\n)\n((?:\u2014 [^ \n]+ [A-Za-z0-9+/]+=*\n)+)$/.exec(note)
  if (match === null) throw new Error('not a note')
  const lines = [...match[2]!.matchAll(/\u2014 ([^ ]+) (.+)\n/g)].map(([, name, base64]) => {
    const bytes = Buffer.from(base64!, 'base64')
    return { name: name!, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) }
  })
  return { text: match[1]!, lines }
}

/** Which signature lines verify under the vkey, with the time of a cosignature. */
export function verifiedLines(note: string, vkey: string): { time?: bigint }[] {
  const [name, , ...rest] = vkey.split('+') as [string, string, ...string[]]
  const typed = Buffer.from(rest.join('+'), 'base64')
  const keyId = hash(Buffer.from(`${name}\n`), typed).subarray(0, 4)
  const spki = Buffer.concat([SPKI_PREFIX, typed.subarray(1)])
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const { text, lines } = readNote(note)
  const own = lines.filter((line) => line.name === name && line.keyId.equals(keyId))
  return own.flatMap(({ signature }) => {
    if (typed[0] === 1) return verify(null, Buffer.from(text), key, signature) ? [{}] : []
    const time = signature.readBigUInt64BE(0)
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
    return verify(null, message, key, signature.subarray(8)) ? [{ time }] : []
  })
}

/** Root that an RFC 6962 audit path leads to, by the recursion of section 2.1.1. */
function rootOf(leaf: Buffer, index: number, size: number, path: readonly Buffer[]): Buffer {
  if (size === 1) {
    if (path.length > 0) throw new Error('path too long')
    return leaf
  }
  const last = path.at(-1)
  if (last === undefined) throw new Error('path too short')
  let half = 1
  while (half * 2 < size) half *= 2
  const below = path.slice(0, -1)
  return index < half
    ? hash(Buffer.of(1), rootOf(leaf, index, half, below), last)
    : hash(Buffer.of(1), last, rootOf(leaf, index - half, size - half, below))
}

/** The checkpoint of a tlog-proof file in which the entry is included. */
export function readProof(file: string, entry: Uint8Array): string {
  const blank = file.indexOf('\n\n')
  const [magic, ...lines] = file.slice(0, blank).split('\n')
  const checkpoint = file.slice(blank + 2)
  if (magic !== 'c2sp.org/tlog-proof@v1') throw new Error('not a proof')
  if (lines[0]!.startsWith('extra ')) lines.shift()
  const index = Number(/^index ([0-9]+)$/.exec(lines.shift()!)![1])
  const [, size, root] = readNote(checkpoint).text.split('\n')
  const path = lines.map((line) => Buffer.from(line, 'base64'))
  const leaf = hash(Buffer.of(0), entry)
  const computed = rootOf(leaf, index, Number(size), path).toString('base64')
  if (computed !== root) throw new Error('not included')
  return checkpoint
}
