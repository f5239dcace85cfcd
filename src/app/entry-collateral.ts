/** What the entries of a data directory were admitted with, for commands that decide about them again. */
import { decodeChain, parseSubmitterCollateral } from '../policy/collateral.ts'
import type { Collateral } from '../policy/collateral.ts'
import type { CollateralKind } from '../policy/registration-journal.ts'
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

function readPiece(kind: CollateralKind, bytes: Uint8Array): Collateral {
  switch (kind) {
    case 'x5chain':
      return { x5chain: decodeChain(bytes) }
    case 'submitter-claims':
      return { submitter: parseSubmitterCollateral(bytes) }
    case 'preimage':
      return { preimage: bytes }
    case 'jwks': // Verified the token, and takes no part in the decision.
      return {}
  }
}
