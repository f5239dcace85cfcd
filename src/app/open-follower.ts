/**
 * What follows a log into its index: its entries, read beside the process or thread that writes them,
 * preimages that were stored, and the tables.
 */
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { FollowLoop } from '../index/follow-loop.ts'
import type { FollowLoopOptions } from '../index/follow-loop.ts'
import { nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { openIndex } from '../store/sqlite/index/open-index.ts'
import type { OpenedIndex } from '../store/sqlite/index/open-index.ts'
import type { DataPaths } from './data-directory.ts'
import { readCheckpointKeys } from './service-signers.ts'
import { openPreimages, openStoreReader } from './stores.ts'

/**
 * What the tables hold depends on how statements are read: a change of that, or of a handler, takes
 * another number, and an index with any other one is made again.
 */
const MADE_BY = '6'

export type FollowedPaths = Pick<DataPaths, 'store' | 'index'>
export type FollowedBy = Pick<FollowLoopOptions, 'onProgress' | 'onFailure' | 'entriesMax'>

/** A follower and everything that it has open. */
export interface OpenedFollower {
  /** What was indexed when it was opened. */
  readonly treeSize: TreeSize
  readonly loop: FollowLoop
  readonly close: () => Promise<void>
}

/** Starts to follow; nothing is indexed before the loop is told what is released. */
export async function openFollower(
  paths: FollowedPaths,
  options: FollowedBy,
): Promise<OpenedFollower> {
  const releases: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const release of releases.splice(0).reverse()) await release()
  }
  try {
    const log = await openStoreReader(paths)
    releases.push(() => log.close())
    const preimages = await openPreimages(paths)
    releases.push(() => preimages.close())
    const { writer: index } = await openIndex(paths.index, { madeBy: MADE_BY })
    releases.push(() => index.close())
    const { treeSize } = await index.readState()
    const { origin } = await log.readState()
    const loop = FollowLoop.start({
      ...{ log, index, sha256: nativeSha256, verifier: nodeVerifier },
      readCheckpointKeys: async () => {
        const { active, retired } = await readCheckpointKeys(log, origin)
        return [...active, ...retired]
      },
      readPreimage: async (name) => preimages.read(name),
      ...options,
    })
    releases.push(() => loop.stop())
    return { loop, treeSize, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The bytes of an entry; `undefined` when the log does not have it. */
export type ReadEntry = (at: LeafIndex) => Promise<Uint8Array | undefined>

/**
 * Makes sure that there is an index, and that it is of this log; says why it begins again, if it does.
 */
export async function prepareIndex(
  { index }: FollowedPaths,
  readEntry: ReadEntry,
): Promise<OpenedIndex['reset']> {
  const has = async (at: number, entryId: Uint8Array): Promise<boolean> => {
    const entry = await readEntry(leafIndex(at))
    return entry !== undefined && equalBytes(nativeSha256(entry), entryId)
  }
  const { writer, reset } = await openIndex(index, {
    madeBy: MADE_BY,
    isOfLog: async ({ treeSize, first, last }) =>
      (await has(0, first)) && (await has(treeSize - 1, last)),
  })
  await writer.close()
  return reset
}
