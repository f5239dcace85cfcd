/** Running an audit of forged resources, and what became of it. */
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { AuditFault, FAULT_EXIT_CODES } from '../../src/monitor/audit-fault.ts'
import type { FaultPlace } from '../../src/monitor/audit-fault.ts'
import { auditLog } from '../../src/monitor/audit-log.ts'
import type { AuditOptions, AuditReport } from '../../src/monitor/audit-log.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { parseVerifierKey } from '../../src/note/verifier-key.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { hasher, readerOf, sha256 } from './log-forge.ts'
import type { LogForge, Resources } from './log-forge.ts'

export async function audit(
  forge: LogForge,
  resources?: Resources,
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> {
  return auditLog({
    source: new LogSource(readerOf(resources ?? (await forge.export()))),
    verifier: nodeVerifier,
    hasher,
    sha256,
    known: {
      origin: forge.origin,
      checkpointKeys: [parseVerifierKey(forge.vkey)],
      receiptKeys: forge.receiptKeys.map(parseCoseKey),
    },
    isSampled: () => false,
    ...options,
  })
}

export interface Found extends FaultPlace {
  readonly code: number
  readonly message: string
}

/** The fault that an audit ends with. */
export async function findFault(...args: Parameters<typeof audit>): Promise<Found> {
  try {
    await audit(...args)
  } catch (error) {
    if (!(error instanceof AuditFault)) throw error
    return { code: FAULT_EXIT_CODES[error.kind], message: error.message, ...error.place }
  }
  throw new Error('the audit found nothing')
}
