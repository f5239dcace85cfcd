/**
 * The history of a log as it is read to be copied: some batches at a time, each entry with its kind and with
 * what it was admitted with.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { corrupt } from './check-stored.ts'
import type { BatchHead, LogStore, NewCollateral, NewEntry } from './store.ts'

/** A transaction has this many entries, or bytes, and one batch more at most. */
const CHUNK_ENTRIES = 1024
const CHUNK_BYTES = 4 * 1024 * 1024
const HEADS_A_READ = 256

export interface HistoryReaderParts {
  readonly source: LogStore
  readonly target: Pick<LogStore, 'findCollateral'>
  readonly sha256: Sha256
  readonly kinds: ReadonlyMap<number, GovernanceKind>
}

/** The batches from `after` on that go into one transaction. */
export interface Chunk {
  readonly heads: readonly BatchHead[]
  readonly entries: readonly NewEntry[]
}

export class HistoryReader {
  readonly #parts: HistoryReaderParts

  constructor(parts: HistoryReaderParts) {
    this.#parts = parts
  }

  async readChunk(after: number): Promise<Chunk> {
    const taken: BatchHead[] = []
    const entries: NewEntry[] = []
    let bytes = 0
    for (const head of await this.#parts.source.listBatchHeads(after, HEADS_A_READ)) {
      if (entries.length >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES) break
      const read = await this.readEntries(after + entries.length, head.treeHead.treeSize)
      taken.push(head)
      for (const one of read) {
        entries.push(one)
        bytes += one.entry.length
        for (const piece of one.collateral ?? []) bytes += piece.bytes.length
      }
    }
    if (taken.length === 0) throw corrupt(`no batch ends above size ${after}`)
    return { heads: taken, entries }
  }

  /** Entries with their kinds and with what they were admitted with. */
  async readEntries(start: number, end: number): Promise<NewEntry[]> {
    const { source, sha256, kinds } = this.#parts
    const stored = await source.readEntries(leafIndex(start), end - start)
    const collateral = await this.#readCollateral(start, end)
    stored.forEach(({ leafIndex: index }, at) => {
      if (index !== start + at) throw corrupt(`entry ${start + at} is missing`)
    })
    if (stored.length !== end - start) throw corrupt(`entry ${start + stored.length} is missing`)
    return stored.map(({ leafIndex: index, entry }) => {
      const [kind, pieces] = [kinds.get(index), collateral.get(index)]
      return {
        ...{ entryId: sha256(entry), entry },
        ...(kind === undefined ? {} : { kind }),
        ...(pieces === undefined ? {} : { collateral: pieces }),
      }
    })
  }

  async #readCollateral(start: number, end: number): Promise<Map<number, NewCollateral[]>> {
    const { source } = this.#parts
    const byIndex = new Map<number, NewCollateral[]>()
    const read = new Map<string, Uint8Array>()
    for (const { leafIndex: index, kind, digest } of await source.listEntryCollateral(start, end)) {
      const name = encodeHex(digest)
      const bytes = read.get(name) ?? (await this.#readPiece({ index, kind, digest }))
      read.set(name, bytes)
      byIndex.set(index, [...(byIndex.get(index) ?? []), { kind, digest, bytes }])
    }
    return byIndex
  }

  /**
   * Content that was pruned is not there any more, and its entry still names it: nothing stands in its
   * place until the table of prunings is copied, which takes it away.
   */
  async #readPiece(piece: {
    readonly index: number
    readonly kind: NewCollateral['kind']
    readonly digest: Uint8Array
  }): Promise<Uint8Array> {
    const { source, target } = this.#parts
    const found = await source.findCollateral(piece.digest)
    if (found !== undefined) return found.bytes
    if (piece.kind !== 'preimage') {
      throw corrupt(`the ${piece.kind} collateral of entry ${piece.index} is missing`)
    }
    // An earlier run may have copied it before it was pruned.
    const copied = await target.findCollateral(piece.digest)
    return copied?.bytes ?? new Uint8Array(0)
  }
}
