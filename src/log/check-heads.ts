/** The check of every head on the way through the log: the batches', the signed ones, and those that somebody holds. */
import { equalBytes } from '../bytes/bytes.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError } from '../errors.ts'
import type { LeafHash } from '../merkle/hasher.ts'
import { corrupt } from './check-stored.ts'
import type { CheckContext, CheckProgress, KnownHead } from './check-stored.ts'
import { verifyLogHead } from './signed-head.ts'
import type { BatchHead } from './store.ts'

/** Walks the leaves and checks every head on the way: batch heads, signed ones, known ones. */
export async function checkHeads(
  context: CheckContext,
  progress: CheckProgress,
  leafHashes: readonly LeafHash[],
): Promise<void> {
  const { store } = context
  const first = progress.range.treeSize
  // No more heads than leaves lie in between.
  const batches = await store.listBatchHeads(first, leafHashes.length)
  const signed = await store.listSignedHeads(first, leafHashes.length)
  const batchAt = new Map(batches.map((head) => [head.treeHead.treeSize as number, head]))
  const signedAt = new Map(signed.map((head) => [head.treeHead.treeSize as number, head]))
  const signatures: Promise<void>[] = []
  for (const leafHash of leafHashes) {
    progress.range.append(leafHash)
    const size = progress.range.treeSize
    const knownHere = context.known.filter(({ treeSize }) => treeSize === size)
    const [batch, head] = [batchAt.get(size), signedAt.get(size)]
    if (batch === undefined && head === undefined && knownHere.length === 0) continue
    const root = progress.range.rootHash()
    signatures.push(checkHead({ context, progress, root, known: knownHere }, batch, head))
  }
  await Promise.all(signatures)
}

interface HeadPosition {
  readonly context: CheckContext
  readonly progress: CheckProgress
  readonly root: Uint8Array
  readonly known: readonly KnownHead[]
}

// Counts before it first waits, so that calls one after the other see heads in their order.
async function checkHead(
  at: HeadPosition,
  batch: BatchHead | undefined,
  head: SignedTreeHead | undefined,
): Promise<void> {
  const { context, progress, root } = at
  const { state, keys, verifier } = context
  const size = progress.range.treeSize
  for (const { rootHash, heldBy } of at.known) {
    if (!equalBytes(rootHash, root) || batch === undefined) throw forked(size, heldBy)
  }
  if (batch === undefined) throw corrupt(`a head of size ${size} is signed and no batch ends there`)
  const { registrationTime } = batch
  if (!equalBytes(batch.treeHead.rootHash, root)) {
    throw corrupt(`the batch that ends at size ${size} has another root than its entries`)
  }
  if (registrationTime < progress.lastTime) {
    throw corrupt(`the registration time falls at size ${size}`)
  }
  const isLast = size === state.treeHead.treeSize
  if (isLast && !isStateHead(batch, state)) throw corrupt('the last batch is not the stored head')
  progress.lastTime = registrationTime
  progress.lastBatchSize = size
  progress.batches += 1
  if (head === undefined) {
    // The newest head may be in the guard only.
    if (!isLast) throw corrupt(`the signed head of size ${size} is missing`)
    return
  }
  progress.signedHeads += 1
  if (!equalBytes(head.treeHead.rootHash, root) || head.registrationTime !== registrationTime) {
    throw corrupt(`the signed head of size ${size} is for another root or time than its batch`)
  }
  try {
    await verifyLogHead({ head, identity: state, keys, verifier })
  } catch (cause) {
    throw corrupt(`the signed head of size ${size}: ${(cause as Error).message}`, cause)
  }
}

function isStateHead(batch: BatchHead, state: BatchHead): boolean {
  return (
    equalBytes(batch.treeHead.rootHash, state.treeHead.rootHash) &&
    batch.registrationTime === state.registrationTime
  )
}

function forked(size: number, heldBy: string): StartError {
  return new StartError(
    'ERR_GUARD_FORK',
    `${heldBy} holds a head of size ${size} with another root than the data directory has there: ` +
      `this is another history. Do not sign with it`,
  )
}
