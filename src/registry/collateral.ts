/**
 * Collateral (design D5): what an admission used beside the statement, in the form in which it is
 * committed with the entry, and its look-up by digest. A verified submitter is always kept, also
 * where no rule asked for one: who submitted is what a responder looks for (R4).
 */
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { assertInvariant } from '../errors.ts'
import type { NewCollateral } from '../log/store.ts'
import { encodeChain, encodeSubmitterCollateral } from '../policy/collateral.ts'
import type { AcceptDecision } from '../policy/decision.ts'
import type { CollateralKind } from '../policy/registration-journal.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { RegistryPorts, Submitter } from './ports.ts'

/** A statement, and who hands it in. */
export interface SubmittedStatement {
  readonly statement: SignedStatement
  /** Verified; absent for whoever shows no token. */
  readonly submitter?: Submitter | undefined
  /** Content of a hash envelope, known to have its digest. */
  readonly preimage?: Uint8Array | undefined
}

/** `sha256:` and lowercase hex, as journals and URLs name a piece. */
export function digestName(digest: Uint8Array): string {
  return `sha256:${encodeHex(digest)}`
}

const NONE: readonly NewCollateral[] = []

/** What is committed with the entry; at most one piece of a kind. */
export function collectCollateral(
  { collateralUsed }: AcceptDecision,
  { statement, submitter, preimage }: SubmittedStatement,
  sha256: Sha256,
): readonly NewCollateral[] {
  const { x5chain: usedChain, preimage: usedPreimage } = collateralUsed
  if (submitter === undefined && usedChain !== true && usedPreimage !== true) return NONE
  const pieces: NewCollateral[] = []
  const add = (kind: CollateralKind, bytes: Uint8Array): string => {
    const digest = sha256(bytes)
    pieces.push({ kind, digest, bytes })
    return digestName(digest)
  }
  if (submitter !== undefined) {
    const jwks = submitter.jwks === undefined ? undefined : add('jwks', submitter.jwks)
    const claims = jwks === undefined ? submitter.claims : { ...submitter.claims, jwks }
    add('submitter-claims', encodeSubmitterCollateral(claims))
  }
  if (usedChain === true) {
    const { unprotectedX5chain: chain } = statement
    assertInvariant(chain !== undefined, 'a decision used a chain that was not there')
    add('x5chain', encodeChain(chain))
  }
  if (usedPreimage === true) {
    assertInvariant(preimage !== undefined, 'a decision used content that was not there')
    add('preimage', preimage)
  }
  return pieces
}

/**
 * A piece of collateral by the hex of its SHA-256.
 * @throws NotFoundError `ERR_COLLATERAL_UNKNOWN` when no released entry was admitted with it.
 * @throws InvariantError when the stored bytes have another digest: they are not served.
 */
export function readCollateral(digest: string, { log }: RegistryPorts): Promise<Uint8Array> {
  return log.readCollateral(decodeHex(digest))
}
