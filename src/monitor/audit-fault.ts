/**
 * What an audit can find, one kind per thing that a log may do wrong. Each kind has an exit status of
 * its own (docs/auditors.md); each finding names the entry, the head or the tile that shows it.
 */

/** Kinds of fault and the exit statuses of `attestry audit`. */
export const FAULT_EXIT_CODES = {
  /** The checkpoint is not signed by the log's key, or is of another log. */
  checkpoint: 10,
  /** Two signed heads that no append-only log can have. */
  fork: 11,
  /** Served tiles or entries do not hash to the signed root. */
  tile: 12,
  /** An entry whose signature does not verify was admitted. */
  signature: 13,
  /** An entry was admitted that the policy of its time refuses. */
  admission: 14,
  /** A policy was applied before, or not from, its own index on. */
  'policy-timing': 15,
  /** The journal does not agree with the signed heads, or is missing. */
  journal: 16,
  /** What an admission was decided with is not there: it cannot be replayed. */
  collateral: 17,
  /** A signed head, a Receipt or a Transparent Statement that is not of this log and entry. */
  evidence: 18,
  /** The index answers something else than the log holds. */
  index: 19,
  /** Too few witnesses cosigned the checkpoint. */
  quorum: 20,
  /** The log is smaller than it was. */
  'went-back': 21,
} as const

export type FaultKind = keyof typeof FAULT_EXIT_CODES
export type FaultExitCode = (typeof FAULT_EXIT_CODES)[FaultKind]

/** Where a fault shows. */
export interface FaultPlace {
  /** The first entry that is wrong. */
  readonly leafIndex?: number
  readonly entryId?: string
  /** Size of the tree head that is wrong. */
  readonly treeSize?: number
  /** Path of the tile that is wrong. */
  readonly tile?: string
  /** Rule of the policy that refuses the entry. */
  readonly rule?: string
}

/** A log did something that it must not do. */
export class AuditFault extends Error {
  readonly kind: FaultKind
  readonly place: FaultPlace

  constructor(kind: FaultKind, message: string, place: FaultPlace = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AuditFault'
    this.kind = kind
    this.place = place
  }
}

/** The fault that comes first in the log; one that names no entry is about all of it. */
export function earliest(
  a: AuditFault | undefined,
  b: AuditFault | undefined,
): AuditFault | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return (b.place.leafIndex ?? -1) < (a.place.leafIndex ?? -1) ? b : a
}

/** The fault that an action ends with, if it does. */
export async function faultOf(action: () => Promise<void>): Promise<AuditFault | undefined> {
  try {
    await action()
    return undefined
  } catch (error) {
    if (error instanceof AuditFault) return error
    throw error
  }
}
