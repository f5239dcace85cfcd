/**
 * Signing and checking the log's own tree heads (design D2). A head is only ever signed for a batch
 * that the store committed and that was read back, with the batch's own registration time; what the
 * signer returns is verified before anybody sees it, because a signature cannot be taken back.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { PublicKey } from '../cose/public-key.ts'
import {
  parseSignedTreeHead,
  signTreeHead,
  verifySignedTreeHead,
} from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { VerificationError } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { LogPorts } from './ports.ts'
import type { BatchHead, LogIdentity } from './store.ts'

/**
 * Signs a committed head and verifies the signature.
 * @throws VerificationError `ERR_RECEIPT_SIGNATURE` when the signer returns a wrong signature.
 */
export async function signHead(
  ports: Pick<LogPorts, 'issuer' | 'origin' | 'signer' | 'verifier'>,
  { treeHead, registrationTime }: BatchHead,
): Promise<SignedTreeHead> {
  const { issuer, origin, signer, verifier } = ports
  const head = await signTreeHead({ issuer, origin, treeHead, registrationTime }, signer)
  await verifySignedTreeHead({ head, key: signer.publicKey, verifier })
  return head
}

/** What a head of this log must carry, and who may have signed it. */
export interface HeadCheck {
  readonly head: SignedTreeHead
  readonly identity: Pick<LogIdentity, 'issuer' | 'origin'>
  /** All receipt keys that this log has used. */
  readonly keys: readonly PublicKey[]
  readonly verifier: SignatureVerifier
}

/**
 * Checks that a stored head is this log's: its claims are the log's and its own, and one of the
 * log's keys signed it over its root.
 * @throws VerificationError `ERR_RECEIPT_LOG_UNKNOWN`, `ERR_RECEIPT_CLAIMS` or `ERR_RECEIPT_SIGNATURE`.
 * @throws InputError when the stored bytes are not a signed head at all.
 */
export async function verifyLogHead({ head, identity, keys, verifier }: HeadCheck): Promise<void> {
  const { treeSize, rootHash } = head.treeHead
  const { keyId, issuer, origin, bytes } = parseSignedTreeHead(head.bytes, rootHash)
  const key = keys.find((candidate) => equalBytes(keyThumbprint(candidate), keyId))
  if (key === undefined) {
    throw new VerificationError(
      'ERR_RECEIPT_LOG_UNKNOWN',
      `the head of size ${treeSize} is signed by ${encodeHex(keyId)}, which is no key of this log`,
    )
  }
  const isOurs = issuer === identity.issuer && origin === identity.origin
  if (!isOurs || !equalBytes(bytes, head.bytes)) {
    throw new VerificationError(
      'ERR_RECEIPT_CLAIMS',
      `the head of size ${treeSize} is not in the form, or not of the log, ${identity.origin}`,
    )
  }
  await verifySignedTreeHead({ head, key, verifier })
}
