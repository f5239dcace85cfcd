/**
 * What a trusted log's profile demands of a receipt, and which of its keys may have signed it: a
 * receipt of an Attestry log names its key and binds the tree size, foreign ones may do less.
 */
import { encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { VDS } from '../cose/labels.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Receipt } from '../cose/receipt.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { TrustedLog } from './trust-policy.ts'

/** Keys to try, and whether the receipt names them. */
interface Candidates {
  readonly keys: readonly PublicKey[]
  readonly named: boolean
}

/** What a log's profile demands beyond a path and a signature that hold. */
export function assertProfile(receipt: Receipt, log: TrustedLog): void {
  const expected = log.profile === 'ccf' ? VDS.ccf : VDS.rfc9162Sha256
  // Before the proof is looked at: a proof of one structure says nothing under another.
  if (receipt.vds !== expected) {
    throw new InputError(
      'ERR_RECEIPT_VDS',
      `receipt uses the verifiable data structure ${receipt.vds}; the trusted log's is ${expected}`,
    )
  }
  const { issuer, subject, treeSize } = receipt.claims
  if (log.origin !== undefined && subject !== log.origin) {
    throw claimsError(`receipt's sub is not the trusted log's origin "${log.origin}"`)
  }
  if (log.profile !== 'attestry') return
  if (receipt.keyId === undefined)
    throw claimsError('receipt of an Attestry log names no key (kid)')
  if (issuer === undefined) throw claimsError('receipt of an Attestry log has no iss claim')
  if (subject === undefined) throw claimsError('receipt of an Attestry log has no sub claim')
  if (treeSize === undefined) throw claimsError('receipt of an Attestry log has no tree size claim')
}

/**
 * The pinned keys that a receipt may be signed with. Its kid is compared as bytes with the pinned
 * kid, the RFC 9679 thumbprint, and CCF's hex of SHA-256(SPKI). A kid only selects; the signature
 * decides. So of a foreign log, keys that were pinned without a kid of their own are tried as well.
 */
export function candidateKeys(receipt: Receipt, log: TrustedLog): Candidates {
  const { keyId } = receipt
  if (keyId === undefined) return { keys: log.keys, named: true }
  const named = log.keys.filter(
    (key) =>
      (key.kid !== undefined && equalBytes(key.kid, keyId)) ||
      equalBytes(keyThumbprint(key), keyId) ||
      equalBytes(encodeUtf8(encodeHex(sha256(key.spki))), keyId),
  )
  if (named.length > 0 || log.profile === 'attestry') return { keys: named, named: true }
  const unnamed = log.keys.filter(
    (key) => key.kid === undefined || equalBytes(key.kid, keyThumbprint(key)),
  )
  return { keys: unnamed, named: false }
}

/** RFC 9943 §6 as TS-42 and TS-43 of standards.md read it. */
export function nonConformances(receipt: Receipt): string[] {
  const { issuer, subject } = receipt.claims
  return [
    ...(receipt.keyId === undefined ? ['receipt names no key (kid)'] : []),
    ...(issuer === undefined ? ['receipt has no iss claim'] : []),
    ...(subject === undefined ? ['receipt has no sub claim'] : []),
  ]
}

function claimsError(message: string): VerificationError {
  return new VerificationError('ERR_RECEIPT_CLAIMS', message)
}
