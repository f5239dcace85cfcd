/**
 * A log store in memory, for tests and demonstrations: the same promises as the others as long as
 * the process lives. `close()` does not forget, so that a test can open a log again. A shared one
 * serves several logs, as PostgreSQL serves several nodes.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import type { LeafIndex } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant, InvariantError, StartError, UnavailableError } from '../../errors.ts'
import type { TileWrite } from '../../merkle/edge.ts'
import type {
  BatchCommit,
  Genesis,
  LogStore,
  NewEntry,
  StoredHead,
  WakeUp,
} from '../../log/store.ts'
import type { ServiceKeyChange, StoredServiceKey } from '../../log/service-key-records.ts'
import { LogReads } from './log-reads.ts'

export class MemoryLogStore extends LogReads implements LogStore {
  readonly shared?: true
  readonly #watchers = new Set<(told: WakeUp) => void>()

  /** @param options `shared` when several logs commit to it. */
  constructor(options: { readonly shared?: true } = {}) {
    super()
    if (options.shared) this.shared = true
  }

  async create({ identity, batch, serviceKeys }: Genesis): Promise<void> {
    if (this.state !== undefined) throw new StartError('ERR_LOG_EXISTS', 'the store holds a log')
    this.serviceKeys.push(...serviceKeys)
    this.#write(batch)
    this.state = { ...identity, ...batch.next, ...(this.shared && { epoch: 0 }) }
  }

  // From the comparison to the end without a turn of the event loop: it is one transaction.
  async commit(batch: BatchCommit): Promise<void> {
    const state = this.stored()
    if (!isSameHead(state, batch.expected)) throw this.#headMoved()
    this.#write(batch)
    for (const head of batch.signedHeads) this.#saveHead(head)
    const { treeHead, registrationTime, policyIndex } = batch.next
    this.state = { ...state, treeHead, registrationTime, policyIndex }
    this.#tell({ kind: 'committed' })
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    this.#saveHead(head)
  }

  async addServiceKey(key: StoredServiceKey): Promise<void> {
    this.serviceKeys.push(key)
  }

  async changeServiceKeys({ purpose, added, retired, at }: ServiceKeyChange): Promise<void> {
    this.stored()
    const places = retired.map((keyId) =>
      this.serviceKeys.findIndex(
        (key) =>
          key.purpose === purpose && equalBytes(key.keyId, keyId) && key.retiredAt === undefined,
      ),
    )
    assertInvariant(!places.includes(-1), 'a key to retire is not an active one')
    for (const place of places) {
      this.serviceKeys[place] = { ...this.serviceKeys[place]!, retiredAt: at }
    }
    if (this.shared) this.#raiseEpoch()
    if (added === undefined) return
    this.serviceKeys.push({ ...added, purpose })
    if (purpose === 'receipt') this.state = { ...this.state!, receiptKeyId: added.keyId }
  }

  watch(listener: (told: WakeUp) => void): () => void {
    const tell = (told: WakeUp): void => listener(told)
    this.#watchers.add(tell)
    return () => this.#watchers.delete(tell)
  }

  askTurn(losses: number): void {
    this.#tell({ kind: 'turn-asked', losses })
  }

  async fence(): Promise<void> {
    this.#raiseEpoch()
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  #raiseEpoch(): void {
    const state = this.stored()
    this.state = { ...state, epoch: (state.epoch ?? 0) + 1 }
  }

  /** Later, as a notification comes, and never within a commit. */
  #tell(told: WakeUp): void {
    for (const tell of this.#watchers) queueMicrotask(() => tell(told))
  }

  #headMoved(): Error {
    if (this.shared) return new UnavailableError('ERR_HEAD_MOVED', 'another batch came first')
    return new InvariantError('another writer changed the stored head')
  }

  // Checks everything first: a batch is stored whole or not at all.
  #write(batch: {
    readonly next: StoredHead
    readonly entries: readonly NewEntry[]
    readonly tiles: readonly TileWrite[]
  }): void {
    const keys = batch.entries.map(({ entryId }) => entryId.join())
    assertInvariant(
      new Set(keys).size === keys.length && !keys.some((key) => this.leafIndexes.has(key)),
      'an entry id is stored already',
    )
    for (const { level, index, hashes } of batch.tiles) {
      const before = this.tiles.get(`${level}/${index}`) ?? new Uint8Array(0)
      const isExtended = equalBytes(hashes.subarray(0, before.length), before)
      assertInvariant(isExtended, `tile ${index} of level ${level} would change stored hashes`)
    }
    const pieces = batch.entries.flatMap(({ collateral = [] }) => collateral)
    const added = new Map(pieces.map(({ digest, bytes }) => [digest.join(), bytes]))
    for (const { digest, bytes, kind } of pieces) {
      const other = this.collateral.get(digest.join())?.bytes ?? added.get(digest.join())!
      assertInvariant(equalBytes(other, bytes), `${kind} collateral would change stored bytes`)
    }
    batch.entries.forEach((entry, at) =>
      this.#addParts(entry, (this.entries.length + at) as LeafIndex),
    )
    keys.forEach((key, at) => this.leafIndexes.set(key, (this.entries.length + at) as LeafIndex))
    this.entries.push(...batch.entries.map(({ entry }) => entry.slice()))
    for (const { level, index, hashes } of batch.tiles) {
      this.tiles.set(`${level}/${index}`, hashes.slice())
    }
    const { treeHead, registrationTime } = batch.next
    this.batches.push({ treeHead, registrationTime })
  }

  #addParts({ kind, collateral = [] }: NewEntry, leafIndex: LeafIndex): void {
    if (kind !== undefined) this.governance.push({ kind, leafIndex })
    const sorted = [...collateral].sort((a, b) => (a.kind < b.kind ? -1 : 1))
    for (const { digest, bytes, kind: pieceKind } of sorted) {
      const key = digest.join()
      if (!this.collateral.has(key)) {
        this.collateral.set(key, { bytes: bytes.slice(), leafIndex })
      }
      this.entryCollateral.push({ leafIndex, kind: pieceKind, digest: digest.slice() })
    }
  }

  #saveHead(head: SignedTreeHead): void {
    const { treeSize, rootHash } = head.treeHead
    const same = this.signedHeads.find(({ treeHead }) => treeHead.treeSize === treeSize)
    if (same !== undefined) {
      const isSame = equalBytes(same.treeHead.rootHash, rootHash)
      assertInvariant(isSame, `a head of size ${treeSize} with another root is saved`)
      return
    }
    this.signedHeads.push(head)
    this.signedHeads.sort((a, b) => a.treeHead.treeSize - b.treeHead.treeSize)
  }
}

function isSameHead(a: StoredHead, b: StoredHead): boolean {
  return (
    a.treeHead.treeSize === b.treeHead.treeSize &&
    equalBytes(a.treeHead.rootHash, b.treeHead.rootHash) &&
    a.registrationTime === b.registrationTime &&
    a.policyIndex === b.policyIndex &&
    a.epoch === b.epoch
  )
}
