/** What evidence refers to in the log of a data directory, for commands that try decisions. */
import type { LeafIndex } from '../bytes/integers.ts'
import { readReferences } from '../index/evidence-source.ts'
import { nativeSha256 } from '../keys/native-hash.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { EvidenceContent, EvidenceGivens } from '../policy/tee-evidence.ts'
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import { readCheckpointKeys } from './service-signers.ts'
import { openStoreReader } from './stores.ts'

export interface EvidenceReferences {
  /** As an entry of this index, or the next one, would be decided about. */
  of(
    content: EvidenceContent & { readonly leafIndex?: number | undefined },
    policy: RegistrationPolicy,
  ): Promise<EvidenceGivens>
  close(): Promise<void>
}

/** Opens the log; reads only. @throws StartError `ERR_LOG_MISSING`. */
export async function openEvidenceReferences(place: LogPlace): Promise<EvidenceReferences> {
  const log = await openStoreReader(logPaths(place))
  const { origin, treeHead } = await log.readState()
  const ports = {
    ...{ log, sha256: nativeSha256 },
    readCheckpointKeys: async () => {
      const { active, retired } = await readCheckpointKeys(log, origin)
      return [...active, ...retired]
    },
  }
  return {
    of: ({ leafIndex = treeHead.treeSize, ...content }, policy) =>
      readReferences({ ...content, leafIndex: leafIndex as LeafIndex }, policy, ports),
    close: () => log.close(),
  }
}
