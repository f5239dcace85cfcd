/** What the entries of a data directory were admitted with, for commands that decide about them again. */
import { readPiece } from '../policy/collateral.ts'
import type { Collateral } from '../policy/collateral.ts'
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import { openStoreReader } from './stores.ts'

export interface EntryCollateral {
  /** Without what is not there any more. */
  of(leafIndex: number): Promise<Collateral>
  close(): Promise<void>
}

/** Opens the log; reads only. @throws StartError `ERR_LOG_MISSING`. */
export async function openEntryCollateral(place: LogPlace): Promise<EntryCollateral> {
  const log = await openStoreReader(logPaths(place))
  return {
    of: async (leafIndex) => {
      let collateral: Collateral = {}
      for (const { kind, digest } of await log.listEntryCollateral(leafIndex, leafIndex + 1)) {
        const found = await log.findCollateral(digest)
        if (found !== undefined) collateral = { ...collateral, ...readPiece(kind, found.bytes) }
      }
      return collateral
    },
    close: () => log.close(),
  }
}
