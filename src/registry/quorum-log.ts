/**
 * The log of a registry whose policy demands witnesses: nothing above the largest tree that a quorum
 * cosigned is released. A registration waits for its quorum; when that takes longer than a client
 * waits, its entry is committed and pending (202), like one whose head is not signed yet. Without
 * `--require-witness` this is not used, and witnesses delay nothing.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError } from '../errors.ts'
import { entryUnknown, headUnknown, tileUnknown } from '../log/answers.ts'
import type { Registered } from '../log/registered.ts'
import type { Candidate } from '../log/queue.ts'
import type { EntryCollateral } from '../log/store.ts'
import type { LogWitnesses } from '../log/witness.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { tileWidth } from '../merkle/tiles.ts'
import type { OpenTile } from '../merkle/tiles.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { RegistryLog } from './ports.ts'

export interface QuorumLogOptions {
  readonly log: RegistryLog
  readonly witnesses: LogWitnesses
  /** After this long nobody waits for the quorum of an entry any more; it stays committed. */
  readonly waitMsMax: number
}

export class QuorumLog implements RegistryLog {
  readonly #options: QuorumLogOptions
  #head: SignedTreeHead

  private constructor(options: QuorumLogOptions, head: SignedTreeHead) {
    this.#options = options
    this.#head = head
  }

  /** @throws StartError `ERR_WITNESS_QUORUM` when there is no witnessed tree to start from. */
  static async open(options: QuorumLogOptions): Promise<QuorumLog> {
    const head = await witnessedHead(options)
    if (head !== undefined) return new QuorumLog(options, head)
    throw new StartError(
      'ERR_WITNESS_QUORUM',
      'witnesses are required, and no quorum of them has cosigned this log yet: are they running, ' +
        'and do they know the log? Without --require-witness the log can be served meanwhile',
    )
  }

  get failure(): RegistryLog['failure'] {
    return this.#options.log.failure
  }

  async append(candidate: Candidate): Promise<Registered> {
    const { log, witnesses, waitMsMax } = this.#options
    const registered = await log.append(candidate)
    const { treeSize } = registered.head.treeHead
    await witnesses.whenWitnessed(treeSize, AbortSignal.timeout(waitMsMax))
    await this.#refresh()
    return registered
  }

  async findEntry(
    entryId: Uint8Array,
  ): Promise<{ leafIndex: LeafIndex; released: boolean } | undefined> {
    const found = await this.#options.log.findEntry(entryId)
    if (found === undefined) return undefined
    const { treeHead } = await this.#refresh()
    return { ...found, released: found.released && found.leafIndex < treeHead.treeSize }
  }

  async readEntry(leafIndex: LeafIndex): Promise<Uint8Array> {
    const { treeHead } = await this.#refresh()
    if (leafIndex >= treeHead.treeSize) throw entryUnknown(leafIndex)
    return this.#options.log.readEntry(leafIndex)
  }

  async inclusionProof(leafIndex: LeafIndex, head: SignedTreeHead): Promise<InclusionProof> {
    await this.#assertWitnessed(head.treeHead.treeSize)
    return this.#options.log.inclusionProof(leafIndex, head)
  }

  async consistencyProof(treeSize1: TreeSize, treeSize2: TreeSize): Promise<ConsistencyProof> {
    await this.#assertWitnessed(treeSize2)
    return this.#options.log.consistencyProof(treeSize1, treeSize2)
  }

  currentHead(): SignedTreeHead {
    return this.#head
  }

  async headAt(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    const { treeHead } = await this.#refresh()
    return treeSize > treeHead.treeSize ? undefined : this.#options.log.headAt(treeSize)
  }

  /** The first signed head that covers an entry; `undefined` while its tree is not witnessed. */
  async firstHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    const { treeHead } = await this.#refresh()
    return leafIndex < treeHead.treeSize
      ? this.#options.log.firstHeadCovering(leafIndex)
      : undefined
  }

  async listGovernance(kind: GovernanceKind, from = 0): Promise<readonly LeafIndex[]> {
    const { treeHead } = await this.#refresh()
    const indexes = await this.#options.log.listGovernance(kind, from)
    return indexes.filter((leafIndex) => leafIndex < treeHead.treeSize)
  }

  async readTile(tile: OpenTile): Promise<Uint8Array> {
    await this.#assertWitnessedTile(tile)
    return this.#options.log.readTile(tile)
  }

  async readBundle(bundle: Omit<OpenTile, 'level'>): Promise<readonly Uint8Array[]> {
    await this.#assertWitnessedTile({ ...bundle, level: 0 })
    return this.#options.log.readBundle(bundle)
  }

  async signedHeads(after: number, upTo: number): Promise<readonly SignedTreeHead[]> {
    await this.#assertWitnessed(upTo)
    return this.#options.log.signedHeads(after, upTo)
  }

  /** Content that its digest names; what is above the witnessed tree is not named by anything. */
  readCollateral(digest: Uint8Array): Promise<Uint8Array> {
    return this.#options.log.readCollateral(digest)
  }

  async entryCollateral(start: number, end: number): Promise<readonly EntryCollateral[]> {
    await this.#assertWitnessed(end)
    return this.#options.log.entryCollateral(start, end)
  }

  async #assertWitnessedTile({ level, index, width }: OpenTile): Promise<void> {
    const { treeHead } = await this.#refresh()
    if (width > tileWidth(level, index, treeHead.treeSize)) {
      throw tileUnknown(`tile ${index} of width ${width} at level ${level}`)
    }
  }

  async #assertWitnessed(treeSize: number): Promise<void> {
    const { treeHead } = await this.#refresh()
    if (treeSize > treeHead.treeSize) throw headUnknown(treeSize)
  }

  async #refresh(): Promise<SignedTreeHead> {
    const newest = this.#options.witnesses.newestWitnessed()
    if (newest !== undefined && newest.treeSize > this.#head.treeHead.treeSize) {
      const head = await witnessedHead(this.#options)
      // Another call may have been faster; sizes never fall.
      if (head !== undefined && head.treeHead.treeSize > this.#head.treeHead.treeSize) {
        this.#head = head
      }
    }
    return this.#head
  }
}

async function witnessedHead({
  log,
  witnesses,
}: QuorumLogOptions): Promise<SignedTreeHead | undefined> {
  const newest = witnesses.newestWitnessed()
  return newest && log.headAt(Number(newest.treeSize) as TreeSize)
}
