/**
 * A second reader of C2SP tiles and entry bundles, for tests: written from the specification on
 * node:crypto and Buffer, sharing no code with src/. It rebuilds a whole tree from what a URL prefix
 * or a directory serves.
 */
import { createHash } from 'node:crypto'
import { readNote, verifiedLines } from './c2sp-reader.ts'

const hash = (...parts: Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest()

/** Bytes at a path below the prefix; fails when there is nothing. */
export type Fetcher = (path: string) => Promise<Buffer>

function indexPath(index: number): string {
  const last = String(index % 1000).padStart(3, '0')
  const rest = Math.floor(index / 1000)
  return rest === 0 ? last : `${prefixGroups(rest)}/${last}`
}

function prefixGroups(value: number): string {
  const group = `x${String(value % 1000).padStart(3, '0')}`
  const rest = Math.floor(value / 1000)
  return rest === 0 ? group : `${prefixGroups(rest)}/${group}`
}

/** Path of a tile: `level` is a number or `entries`. */
export function pathOf(level: number | 'entries', index: number, width: number): string {
  return `tile/${level}/${indexPath(index)}${width === 256 ? '' : `.p/${width}`}`
}

/** Entries of a bundle. */
export function splitBundle(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length;) {
    const end = at + 2 + bundle.readUInt16BE(at)
    if (end > bundle.length) throw new Error('bundle cut short')
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}

/** MTH of RFC 6962 over hashes that are given. */
function rootOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0]!
  let half = 1
  while (half * 2 < hashes.length) half *= 2
  return hash(Buffer.of(1), rootOf(hashes.slice(0, half)), rootOf(hashes.slice(half)))
}

export interface RebuiltLog {
  readonly origin: string
  readonly size: number
  readonly entries: readonly Buffer[]
  readonly tiles: number
}

/**
 * Verifies the checkpoint under the vkey, rebuilds its root from the bundles, and compares every
 * tile of every level with what the entries give. Fails at the first difference.
 */
export async function rebuildLog(fetcher: Fetcher, vkey: string): Promise<RebuiltLog> {
  const checkpoint = (await fetcher('checkpoint')).toString()
  if (verifiedLines(checkpoint, vkey).length !== 1) throw new Error('checkpoint signature')
  const [origin, sizeLine, root] = readNote(checkpoint).text.split('\n') as [string, string, string]
  const size = Number(sizeLine)
  const entries: Buffer[] = []
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256)
    const bundle = splitBundle(await fetcher(pathOf('entries', index, width)))
    if (bundle.length !== width) throw new Error(`bundle ${index} has ${bundle.length} entries`)
    entries.push(...bundle)
  }
  let level = entries.map((entry) => hash(Buffer.of(0), entry))
  if (rootOf(level).toString('base64') !== root) throw new Error('root')
  let tiles = 0
  for (let height = 0; level.length > 0; height++) {
    for (let index = 0; index * 256 < level.length; index++) {
      const expected = Buffer.concat(level.slice(index * 256, (index + 1) * 256))
      const path = pathOf(height, index, expected.length / 32)
      if (!(await fetcher(path)).equals(expected)) throw new Error(`${path} differs`)
      tiles += 1
    }
    const full = Math.floor(level.length / 256)
    level = Array.from({ length: full }, (_, at) => rootOf(level.slice(at * 256, (at + 1) * 256)))
  }
  return { origin, size, entries, tiles }
}
