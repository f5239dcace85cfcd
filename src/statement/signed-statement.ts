/**
 * Signed Statements (RFC 9943 §6) and their canonical form (D1): tag 18, the protected bytes as
 * received, an empty unprotected map, payload, signature, all heads shortest. That form is the entry
 * of the log; its SHA-256 is the entry id. A Transparent Statement parses to the same entry.
 */
import { digest, sha256 as portableSha256, type Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { algorithmById } from '../cose/algorithms.ts'
import { HEADER } from '../cose/labels.ts'
import { assertCriticalUnderstood, encodeSign1 } from '../cose/sign1.ts'
import { parseSign1, type CoseSign1 } from '../cose/parse-sign1.ts'
import { InputError } from '../errors.ts'
import {
  certificateChain,
  parseStatementHeaders,
  type StatementHeaders,
} from './statement-headers.ts'

/** An entry fits a C2SP entry bundle, which prefixes it with a uint16 length (D1). */
export const ENTRY_BYTES_MAX = 65_535
const ISSUER_LENGTH_MAX = 8192

/** A parsed statement. It can exist unverified: what it says counts only after authentication. */
export interface SignedStatement {
  /** Canonical bytes, as logged. */
  readonly entry: Uint8Array
  readonly entryDigest: Uint8Array
  /** Lowercase hex SHA-256 of `entry`. */
  readonly entryId: string
  readonly message: CoseSign1
  readonly headers: StatementHeaders
  /** DER certificates from the unprotected header, leaf first: help, not evidence. */
  readonly unprotectedX5chain?: readonly Uint8Array[]
  /** Encoded Receipts from label 394, in their order; not parsed. */
  readonly receipts: readonly Uint8Array[]
}

/**
 * Parses a Signed or Transparent Statement; signatures are not looked at.
 * @param options.sha256 a native implementation where speed counts.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_*` or `ERR_STATEMENT_HEADERS`.
 */
export function parseSignedStatement(
  bytes: Uint8Array,
  { sha256 = portableSha256 }: { readonly sha256?: Sha256 } = {},
): SignedStatement {
  const message = parseSign1(bytes)
  const { protectedBytes, payload, signature, unprotectedHeader } = message
  const entry = encodeSign1({ protectedBytes, payload, signature })
  const entryDigest = sha256(entry)
  const chain = certificateChain(unprotectedHeader.get(HEADER.x5chain))
  const statement = {
    entry,
    entryDigest,
    entryId: encodeHex(entryDigest),
    message,
    headers: parseStatementHeaders(message.protectedHeader, unprotectedHeader),
    receipts: receiptsOf(unprotectedHeader),
  }
  return chain === undefined ? statement : { ...statement, unprotectedX5chain: chain }
}

const NO_RECEIPTS: readonly Uint8Array[] = []

/** Label 394 of any other shape than an array of byte strings holds no Receipt (real files have some). */
function receiptsOf(unprotected: CborMap): readonly Uint8Array[] {
  const list = unprotected.get(HEADER.receipts)
  if (!Array.isArray(list)) return NO_RECEIPTS
  return (list as readonly CborValue[]).filter((item) => item instanceof Uint8Array)
}

/** What a deployed profile does otherwise than RFC 9943, where somebody is there that judges it. */
export interface StatementProfile {
  /** Header parameters that are processed besides, and that `crit` may name. */
  readonly understood?: ReadonlySet<CborValue>
  readonly subject?: 'optional'
}

/** A statement that has what RFC 9943 §6 demands; of a profile, what that demands. */
export type RegistrableStatement = SignedStatement & {
  readonly headers: StatementHeaders & {
    readonly algorithm: number
    readonly issuer: string
  }
  readonly message: CoseSign1 & { readonly payload: Uint8Array }
}

function fail(message: string): never {
  throw new InputError('ERR_STATEMENT_HEADERS', message)
}

/**
 * Checks everything that a statement needs before any signature work is spent on it: size, `crit`,
 * algorithm, attached payload, `iss`, `sub`, and a hint at the key (RFC 9943 §6, TS-3..5).
 * @throws InputError `ERR_STATEMENT_TOO_LARGE`, `ERR_COSE_CRIT`, `ERR_COSE_ALGORITHM`,
 * `ERR_STATEMENT_PAYLOAD_MISSING` or `ERR_STATEMENT_HEADERS`.
 */
export function assertRegistrable(
  statement: SignedStatement,
  profile: StatementProfile = STANDARD,
): asserts statement is RegistrableStatement {
  const { headers, message, entry } = statement
  if (entry.length > ENTRY_BYTES_MAX) {
    throw new InputError(
      'ERR_STATEMENT_TOO_LARGE',
      `the entry has ${entry.length} bytes, the limit is ${ENTRY_BYTES_MAX}: ` +
        'sign a hash of the payload instead (COSE Hash Envelope, RFC 9995)',
    )
  }
  assertCriticalUnderstood(message, profile.understood)
  algorithmById(headers.algorithm)
  if (message.payload === null) {
    throw new InputError(
      'ERR_STATEMENT_PAYLOAD_MISSING',
      'the payload is detached: attach it, or sign its hash (COSE Hash Envelope, RFC 9995)',
    )
  }
  for (const finding of conformanceFindings(statement)) {
    if (finding !== SUBJECT_MISSING || profile.subject !== 'optional') fail(finding)
  }
}

const STANDARD: StatementProfile = {}
const SUBJECT_MISSING = 'the subject (CWT claim sub, 2) is missing'

/** What the standard demands of the headers and this statement lacks, one sentence each. */
export function conformanceFindings(statement: SignedStatement): readonly string[] {
  const { issuer, subject, keyId, x5chain, x5t, hashEnvelope } = statement.headers
  const findings: string[] = []
  if (issuer === undefined) findings.push('the issuer (CWT claim iss, 1) is missing')
  else if (issuer.length < 1 || issuer.length > ISSUER_LENGTH_MAX) {
    findings.push(`the issuer does not have 1 to ${ISSUER_LENGTH_MAX} characters`)
  }
  if (subject === undefined) findings.push(SUBJECT_MISSING)
  const hasCertificate = x5chain !== undefined || x5t !== undefined
  if (keyId === undefined && !hasCertificate) {
    findings.push('kid (4), x5t (34) and x5chain (33) are all missing from the protected header')
  }
  if (hasCertificate && issuer?.includes(':') === true && !isUri(issuer)) {
    findings.push('the issuer has a ":" and is not a URI')
  }
  const { payload, protectedHeader } = statement.message
  if (protectedHeader.has(HEADER.receipts)) {
    findings.push('receipts (394) are in the protected header, where none can be added')
  }
  if (hashEnvelope !== undefined && payload !== null) {
    const expected = digest(hashEnvelope.algorithm, new Uint8Array(0)).length
    if (payload.length !== expected) {
      findings.push(`the payload is not a ${hashEnvelope.algorithm} digest of ${expected} bytes`)
    }
  }
  return findings
}

/** RFC 8392 StringOrURI: a scheme, a colon, and no characters that RFC 3986 excludes. */
function isUri(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[!#$&-;=?-Z_a-z~%[\]]*$/.test(text)
}
