/** Audits a test registry over HTTP, as an outsider would. */
import { sha256 } from '../../src/bytes/digest.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { auditLog } from '../../src/monitor/audit-log.ts'
import type { AuditOptions, AuditReport } from '../../src/monitor/audit-log.ts'
import { createHttpReader } from '../../src/monitor/http-reader.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { nativeHasher } from './naive-tree.ts'
import { LOG_ORIGIN } from './test-registry.ts'
import type { TestRegistry } from './test-registry.ts'

/** @throws AuditFault for the first thing that is wrong with it. */
export async function auditRegistry(
  service: TestRegistry,
  url: string,
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> {
  return auditLog({
    source: new LogSource(createHttpReader({ url, fetch, wait: async () => undefined })),
    verifier: nodeVerifier,
    hasher: nativeHasher,
    sha256,
    known: {
      origin: LOG_ORIGIN,
      checkpointKeys: service.ports.checkpointSigners.map((one) => verifierKeyOf(one, 'ed25519')),
      receiptKeys: [service.serviceSigner.publicKey],
    },
    isSampled: () => true,
    ...options,
  })
}
