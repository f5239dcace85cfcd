/**
 * Copies the history of a log into another store: the same entries at the same indexes, the same
 * batches and signed heads. Tiles are made again from the entries, and each batch's root is compared
 * on the way, so what arrives is what was signed. It goes on where an earlier run ended.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { leafIndex } from '../bytes/integers.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { assertInvariant, StartError } from '../errors.ts'
import type { TileWrite } from '../merkle/edge.ts'
import { changesDecisions } from '../payload/media-types.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { readTreeAt } from './check-resume.ts'
import { corrupt, readKinds } from './check-stored.ts'
import { HistoryReader } from './history-reader.ts'
import type { CheckingPorts } from './ports.ts'
import type { StoredEdge } from './read-edge.ts'
import type {
  BatchCommit,
  BatchHead,
  LogStore,
  NewEntry,
  StoredHead,
  StoredState,
} from './store.ts'

/** Where it is copied to. */
export interface HistoryTarget {
  readonly store: LogStore
  /** Several batches in one transaction: `heads` are those before the last. */
  append(batch: BatchCommit, heads: readonly BatchHead[]): Promise<void>
}

export interface CopyHistoryOptions extends Pick<CheckingPorts, 'hasher'> {
  /** Nobody writes to it meanwhile. */
  readonly source: LogStore
  readonly target: HistoryTarget
  readonly sha256: Sha256
  /** Called when so many entries are there, durably. */
  readonly onProgress?: (progress: { readonly entries: number; readonly treeSize: number }) => void
}

/**
 * @throws StartError `ERR_LOG_EXISTS` when the target holds another log, or more of this one;
 *   `ERR_LOG_CORRUPT` when the source is not what was signed.
 */
export async function copyHistory(options: CopyHistoryOptions): Promise<void> {
  const { source, target, onProgress } = options
  const copy = await HistoryCopy.open(options)
  const { treeSize: end } = (await source.readState()).treeHead
  for (let at = await copy.begin(); at < end; at = await copy.appendChunk()) {
    onProgress?.({ entries: at, treeSize: end })
  }
  // The first batch is created without its signed head.
  const [first] = await source.listSignedHeads(0, 1)
  if (first !== undefined) await target.store.saveSignedHead(first)
  onProgress?.({ entries: end, treeSize: end })
}

class HistoryCopy {
  readonly #options: CopyHistoryOptions
  readonly #reader: HistoryReader
  /** Indexes of what changed how others are decided, ascending. */
  readonly #decisive: readonly number[]
  #tree: StoredEdge
  #head: StoredHead | undefined

  private constructor(
    options: CopyHistoryOptions,
    kinds: ReadonlyMap<number, GovernanceKind>,
    tree: StoredEdge,
  ) {
    this.#options = options
    const { source, target, sha256 } = options
    this.#reader = new HistoryReader({ source, target: target.store, sha256, kinds })
    this.#decisive = [...kinds]
      .flatMap(([index, kind]) => (changesDecisions(kind) ? [index] : []))
      .sort((a, b) => a - b)
    this.#tree = tree
  }

  static async open(options: CopyHistoryOptions): Promise<HistoryCopy> {
    const { source, hasher } = options
    const empty = await readTreeAt({ store: source, hasher }, 0)
    return new HistoryCopy(options, await readKinds(source), empty)
  }

  /** Finds what an earlier run copied, or creates the log; returns the size that is there. */
  async begin(): Promise<number> {
    const { source, target, hasher } = this.#options
    const found = await readTarget(target.store)
    if (found === undefined) return this.#create()
    await checkPrefix(source, found)
    const { treeSize: size } = found.treeHead
    this.#head = found
    this.#tree = await readTreeAt({ store: source, hasher }, size)
    return size
  }

  async #create(): Promise<number> {
    const { source, target } = this.#options
    const [head] = await source.listBatchHeads(0, 1)
    assertInvariant(head !== undefined, 'a log has a first batch')
    const entries = await this.#reader.readEntries(0, head.treeHead.treeSize)
    const tiles = this.#grow(entries, [head])
    const next = this.#storedHead(head)
    const { origin, issuer, receiptKeyId } = await source.readState()
    await target.store.create({
      identity: { origin, issuer, receiptKeyId },
      batch: { next, entries, tiles },
      serviceKeys: await source.listServiceKeys(),
    })
    this.#head = await target.store.readState()
    return head.treeHead.treeSize
  }

  /** Copies some batches; returns the size that is there then. */
  async appendChunk(): Promise<number> {
    const { source, target } = this.#options
    const expected = this.#head!
    const { heads, entries } = await this.#reader.readChunk(expected.treeHead.treeSize)
    const tiles = this.#grow(entries, heads)
    const last = heads.at(-1)!
    const next = this.#storedHead(last)
    const { treeSize: after } = expected.treeHead
    // No more signed heads than batches.
    const signed = await source.listSignedHeads(after, heads.length)
    const signedHeads = signed.filter(({ treeHead }) => treeHead.treeSize <= next.treeHead.treeSize)
    await target.append({ expected, next, entries, tiles, signedHeads }, heads.slice(0, -1))
    this.#head = { ...next, ...(expected.epoch === undefined ? {} : { epoch: expected.epoch }) }
    return next.treeHead.treeSize
  }

  /** Appends to the tree in memory; each batch must have the root that its head says. */
  #grow(entries: readonly NewEntry[], heads: readonly BatchHead[]): readonly TileWrite[] {
    const { hasher } = this.#options
    const { edge, range } = this.#tree
    const leafHashes = entries.map(({ entry }) => hasher.leaf(entry))
    const grown = range.clone()
    let next = 0
    for (const { treeHead } of heads) {
      while (grown.treeSize < treeHead.treeSize) grown.append(leafHashes[next++]!)
      if (equalBytes(grown.rootHash(), treeHead.rootHash)) continue
      throw corrupt(`the batch that ends at size ${treeHead.treeSize} has another root`)
    }
    const appended = edge.append(leafHashes)
    this.#tree = { edge: appended.edge, range: grown }
    return appended.tiles
  }

  #storedHead({ treeHead, registrationTime }: BatchHead): StoredHead {
    const policyIndex = this.#decisive.findLast((index) => index < treeHead.treeSize)
    assertInvariant(policyIndex !== undefined, 'a log starts with its rules')
    return { treeHead, registrationTime, policyIndex: leafIndex(policyIndex) }
  }
}

async function readTarget(store: LogStore): Promise<StoredState | undefined> {
  try {
    return await store.readState()
  } catch (error) {
    if (error instanceof StartError && error.code === 'ERR_LOG_MISSING') return undefined
    throw error
  }
}

/** @throws StartError `ERR_LOG_EXISTS` unless the source has all that the target has. */
async function checkPrefix(source: LogStore, found: StoredState): Promise<void> {
  const { origin, issuer, treeHead } = await source.readState()
  const { treeSize: size, rootHash } = found.treeHead
  const same = size <= treeHead.treeSize ? await source.findBatchHead(size) : undefined
  const isPrefix =
    found.origin === origin &&
    found.issuer === issuer &&
    same?.registrationTime === found.registrationTime &&
    equalBytes(same.treeHead.rootHash, rootHash)
  if (isPrefix) return
  throw new StartError(
    'ERR_LOG_EXISTS',
    `the database holds a log already (${found.origin}, size ${size}) that is not a part of this ` +
      'one: name an empty database',
  )
}
