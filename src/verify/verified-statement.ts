/**
 * The statement after verification: a class that only `verify/` can make, so that a function which
 * takes a VerifiedStatement cannot be given an unchecked one. It carries what was established and
 * how, and names what was not established (`issuer: undefined`, `payload: 'withheld'`).
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { AuthenticatedIssuer } from '../statement/authenticate-issuer.ts'
import type { ReceiptResult, VerifiedReceipt } from './evaluate-receipt.ts'
import type { TrustedLog } from './trust-policy.ts'

/** How the payload stands: in the statement, given and equal to its digest, or not at hand. */
export type PayloadState = 'attached' | 'matched' | 'withheld'

/** What {@link VerifiedStatement} is made from. */
export interface VerifiedFacts {
  readonly statement: SignedStatement
  /** Absent when only the receipt was asked for and no anchor speaks for the issuer. */
  readonly issuer?: AuthenticatedIssuer
  readonly issuerCheckedAt: UnixSeconds
  readonly receipt: VerifiedReceipt
  readonly receipts: readonly ReceiptResult[]
  readonly payload: PayloadState
  readonly nonConformances: readonly string[]
}

let make: (facts: VerifiedFacts) => VerifiedStatement

/** A statement that a trusted log registered and, unless `issuer` is absent, whose issuer signed it. */
export class VerifiedStatement {
  /** Lowercase hex SHA-256 of the canonical entry. */
  readonly entryId: string
  readonly statement: SignedStatement
  /** The authenticated issuer; undefined when only the receipt was checked. */
  readonly issuer: string | undefined
  /** Key, anchor and certificate path by which the issuer was authenticated. */
  readonly authenticatedIssuer: AuthenticatedIssuer | undefined
  /** The time at which certificates were judged: a receipt's signed time, else the time given. */
  readonly issuerCheckedAt: UnixSeconds
  /** Covered by the issuer's signature: as reliable as `issuer`. */
  readonly subject: string | undefined
  readonly log: TrustedLog
  /** Signed time of the batch, for Attestry logs; other logs do not state one. */
  readonly registrationTime: UnixSeconds | undefined
  readonly treeSize: number | bigint | undefined
  readonly leafIndex: number | bigint | undefined
  /** True when size and index follow from the log's signature; otherwise they are hints. */
  readonly positionAuthenticated: boolean
  readonly payload: PayloadState
  /** Every receipt of the statement, good or not, in order. */
  readonly receipts: readonly ReceiptResult[]
  /** Different trusted logs that vouch for the statement. */
  readonly logs: readonly TrustedLog[]
  /** Departures from RFC 9942 and RFC 9943 that do not make the evidence wrong. */
  readonly nonConformances: readonly string[]

  private constructor(facts: VerifiedFacts) {
    const { statement, receipt } = facts
    this.entryId = statement.entryId
    this.statement = statement
    this.issuer = facts.issuer?.issuer
    this.authenticatedIssuer = facts.issuer
    this.issuerCheckedAt = facts.issuerCheckedAt
    this.subject = statement.headers.subject
    this.log = receipt.log
    this.registrationTime = receipt.log.profile === 'attestry' ? receipt.issuedAt : undefined
    this.treeSize = receipt.treeSize
    this.leafIndex = receipt.leafIndex
    this.positionAuthenticated = receipt.positionAuthenticated
    this.payload = facts.payload
    this.receipts = facts.receipts
    this.logs = facts.receipts.flatMap((result) =>
      result.status === 'verified' && result.duplicateOf === undefined ? [result.log] : [],
    )
    this.nonConformances = facts.nonConformances
  }

  static {
    make = (facts) => new VerifiedStatement(facts)
  }
}

/** For verify-transparent-statement.ts alone; index.ts does not export it. */
export function makeVerifiedStatement(facts: VerifiedFacts): VerifiedStatement {
  return make(facts)
}
