/**
 * One receipt against the trusted logs (RFC 9942 §5.2, RFC 9943 §7.1): which log it belongs to,
 * whether that log's profile is kept, and whether path and signature hold for this entry. Each
 * receipt has its own result; "we cannot evaluate it" and "nobody we trust made it" stay apart from
 * "it is wrong". What they come to together is in statement-receipts.ts.
 */
import { encodeHex } from '../bytes/hex.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { verifyCcfReceipt } from '../cose/ccf-receipt.ts'
import { HEADER, VDS } from '../cose/labels.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { parseReceipt } from '../cose/receipt.ts'
import { verifyInclusionReceipt } from '../cose/verify-receipt.ts'
import type { Receipt } from '../cose/receipt.ts'
import { parseSign1 } from '../cose/parse-sign1.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { InputErrorCode, VerificationErrorCode } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { assertProfile, candidateKeys, nonConformances } from './log-profile.ts'
import type { TrustPolicy, TrustedLog } from './trust-policy.ts'

/** What became of one receipt. `index` is its position in label 394. */
export type ReceiptResult =
  | VerifiedReceipt
  | {
      /** `failed`: a trusted log's, and it does not hold. `untrusted`: of no trusted log or key.
       *  `cannot-evaluate`: of a kind that this verifier does not know. `malformed`: no receipt. */
      readonly status: 'failed' | 'untrusted' | 'cannot-evaluate' | 'malformed'
      readonly index: number
      readonly code: VerificationErrorCode | InputErrorCode
      readonly reason: string
      readonly error: VerificationError | InputError
    }

/** A receipt that holds: its log signed a root under which this entry is a leaf. */
export interface VerifiedReceipt {
  readonly status: 'verified'
  readonly index: number
  readonly log: TrustedLog
  readonly vds: number
  /** The receipt's `iat`: when the log signed. For an Attestry log it is a registration time. */
  readonly issuedAt?: UnixSeconds
  readonly treeSize?: number | bigint
  readonly leafIndex?: number | bigint
  /** True when the tree size is a signed claim; without it, size and index are only hints. */
  readonly positionAuthenticated: boolean
  readonly rootHash: Uint8Array
  /** Position of an earlier receipt of the same log; one log counts once. */
  readonly duplicateOf?: number
  /** Where the receipt departs from RFC 9942 and RFC 9943 without being wrong. */
  readonly nonConformances: readonly string[]
}

export interface EvaluateReceiptOptions {
  readonly index: number
  readonly bytes: Uint8Array
  readonly entry: Uint8Array
  readonly trust: TrustPolicy
  readonly verifier: SignatureVerifier
}

/** Evaluates one receipt; never throws for what the bytes contain. */
export async function evaluateReceipt(options: EvaluateReceiptOptions): Promise<ReceiptResult> {
  const { index, bytes, trust } = options
  const unknown = unknownVds(bytes)
  if (unknown !== undefined) return failure('cannot-evaluate', index, unknown)
  let receipt: Receipt
  try {
    receipt = parseReceipt(bytes)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const message = `label 394 holds something that is no receipt: ${error.message}`
    const cause = { cause: error }
    return failure('malformed', index, new InputError('ERR_RECEIPT_MALFORMED', message, cause))
  }
  const { claims } = receipt
  const logs = trust.logs.filter(
    (log) => claims.issuer === undefined || claims.issuer === log.issuer,
  )
  if (logs.length === 0) return failure('untrusted', index, unknownLog(receipt))
  return evaluateAgainst(options, receipt, logs)
}

/**
 * The reason why a COSE_Sign1 of another structure cannot be evaluated. Its proofs may have any
 * form, so this is asked before the rest of the receipt is blamed.
 */
function unknownVds(bytes: Uint8Array): InputError | undefined {
  let vds: unknown
  try {
    vds = parseSign1(bytes).protectedHeader.get(HEADER.vds)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
  if (typeof vds !== 'number' || vds === VDS.rfc9162Sha256 || vds === VDS.ccf) return undefined
  const message = `receipt uses the verifiable data structure ${vds}; 1 and 2 are known`
  return new InputError('ERR_RECEIPT_VDS', message)
}

/** A receipt without `iss` may be of several logs; the first under which it holds is taken. */
async function evaluateAgainst(
  options: EvaluateReceiptOptions,
  receipt: Receipt,
  logs: readonly TrustedLog[],
): Promise<ReceiptResult> {
  let finding = failure('untrusted', options.index, unknownLog(receipt))
  for (const log of logs) {
    const { keys, named } = candidateKeys(receipt, log)
    if (keys.length === 0) continue
    try {
      assertProfile(receipt, log)
      return await verifyUnderAnyKey(options, receipt, { log, keys })
    } catch (error) {
      if (!(error instanceof InputError || error instanceof VerificationError)) throw error
      // Keys that were only tried do not make it their log's receipt.
      const byOtherKey = !named && error.code === 'ERR_RECEIPT_SIGNATURE'
      if (!byOtherKey) finding = failure('failed', options.index, error)
    }
  }
  return finding
}

/** @throws what the first key's verification threw, when none verifies. */
async function verifyUnderAnyKey(
  options: EvaluateReceiptOptions,
  receipt: Receipt,
  { log, keys }: { readonly log: TrustedLog; readonly keys: readonly PublicKey[] },
): Promise<VerifiedReceipt> {
  let first: InputError | VerificationError | undefined
  for (const key of keys) {
    try {
      return await verifyUnder(options, receipt, { log, key })
    } catch (error) {
      if (!(error instanceof InputError || error instanceof VerificationError)) throw error
      first ??= error
    }
  }
  throw first ?? unknownLog(receipt)
}

async function verifyUnder(
  options: EvaluateReceiptOptions,
  receipt: Receipt,
  { log, key }: { log: TrustedLog; key: PublicKey },
): Promise<VerifiedReceipt> {
  const { index, entry, verifier } = options
  const about = {
    status: 'verified',
    index,
    log,
    vds: receipt.vds,
    ...issuedAt(receipt),
    nonConformances: nonConformances(receipt),
  } as const
  if (log.profile === 'ccf') {
    const { rootHash } = await verifyCcfReceipt({ receipt, entry, key, verifier })
    return { ...about, positionAuthenticated: false, rootHash }
  }
  const { treeSize, leafIndex, rootHash } = await verifyInclusionReceipt({
    ...{ receipt, entry, key, verifier },
    leafRule: log.leafRule,
    requireTreeSizeClaim: log.profile === 'attestry',
  })
  // With the size signed, the directions of the path fix the index (reliability.md §7.3).
  const positionAuthenticated = log.profile === 'attestry'
  return { ...about, positionAuthenticated, treeSize, leafIndex, rootHash }
}

/** The claim as a time, if it is one: whole seconds. */
function issuedAt(receipt: Receipt): { readonly issuedAt?: UnixSeconds } {
  const time = receipt.claims.issuedAt
  return time !== undefined && Number.isSafeInteger(time) && time >= 0 ? { issuedAt: time } : {}
}

function unknownLog(receipt: Receipt): VerificationError {
  const by =
    receipt.claims.issuer === undefined ? 'names no issuer' : `is by "${receipt.claims.issuer}"`
  const kid = receipt.keyId === undefined ? '' : ` with the key ${encodeHex(receipt.keyId)}`
  return new VerificationError(
    'ERR_RECEIPT_LOG_UNKNOWN',
    `receipt ${by}${kid}; no trusted log has both`,
  )
}

function failure(
  status: 'failed' | 'untrusted' | 'cannot-evaluate' | 'malformed',
  index: number,
  error: VerificationError | InputError,
): ReceiptResult {
  return { status, index, code: error.code, reason: error.message, error }
}
