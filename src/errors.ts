/**
 * Every error class and every error code of Attestry, in one table.
 *
 * A class names whose fault it is and what happens next; the two kinds never share a catch block:
 * bad input is answered, a broken invariant stops the process (ADR 0003).
 */

/** Codes for bytes that a client, an issuer or another log sent us and that are not well formed. */
export type InputErrorCode =
  | 'ERR_BYTES_ENCODING' // hex, base64, decimal or UTF-8 text that is not canonical
  | 'ERR_CBOR_MALFORMED' // not well-formed CBOR, or trailing bytes
  | 'ERR_CBOR_LIMIT' // depth, size or item count over a named limit
  | 'ERR_CBOR_FORBIDDEN' // duplicate key, bignum, indefinite length, bad UTF-8, acted-on tag
  | 'ERR_COSE_STRUCTURE' // not a tagged COSE_Sign1, wrong element types
  | 'ERR_COSE_HEADER' // a header parameter of the wrong type, or in both maps
  | 'ERR_COSE_CRIT' // a critical header parameter that is not understood
  | 'ERR_COSE_ALGORITHM' // algorithm missing, unknown, or not the key's
  | 'ERR_COSE_KEY' // a key that is malformed, weak or of an unsupported kind
  | 'ERR_KEY_PRIVATE' // a private key where a public one belongs
  | 'ERR_PEM' // text that is not the PEM block asked for
  | 'ERR_X509_MALFORMED' // a certificate that does not parse
  | 'ERR_DID_X509' // a did:x509 identifier that does not parse
  | 'ERR_RECEIPT_MALFORMED' // vds, vdp or proof of the wrong shape
  | 'ERR_RECEIPT_VDS' // a verifiable data structure that we do not know
  | 'ERR_STATEMENT_HEADERS' // required header parameters missing or contradictory
  | 'ERR_STATEMENT_PAYLOAD_MISSING' // a detached payload where the payload is needed
  | 'ERR_STATEMENT_TOO_LARGE' // entry over 65,535 bytes
  | 'ERR_PAYLOAD_MALFORMED' // a payload that is not of the form that its type names
  | 'ERR_MERKLE_RANGE' // index or size out of range for a proof
  | 'ERR_NOTE_MALFORMED' // a C2SP note, checkpoint, proof or witness message of the wrong form
  | 'ERR_NOTE_KEY' // a verifier key that is malformed, weak or of an unsupported type
  | 'ERR_TILE_PATH' // not the canonical path of a tile or entry bundle
  | 'ERR_BUNDLE_MALFORMED' // an entry bundle that is cut short or has bytes too many
  | 'ERR_TRUST_CONFIGURATION' // a trust file, policy or anchors document that does not parse
  | 'ERR_REQUEST' // an HTTP request that is not of the documented form
  | 'ERR_RESPONSE' // a service's answer that is not of a known form
  | 'ERR_USAGE' // command line

/** Codes for evidence that is well formed and does not hold. */
export type VerificationErrorCode =
  | 'ERR_STATEMENT_SIGNATURE'
  | 'ERR_ISSUER_UNKNOWN' // no trust anchor speaks for this issuer
  | 'ERR_ISSUER_KEY' // the anchor's key or certificate is not the one the statement names
  | 'ERR_X509_PATH' // chain does not lead to a trusted root at the given time
  | 'ERR_X509_CRL' // a revocation list that may not be believed; RevocationListError.fault says why
  | 'ERR_DID_X509_MISMATCH' // chain does not satisfy the did:x509 issuer
  | 'ERR_RECEIPT_MISSING' // nothing in label 394
  | 'ERR_STATEMENT_MISSING' // a receipt alone, without the statement that it is for
  | 'ERR_RECEIPT_LOG_UNKNOWN' // no trusted log has this receipt's key or issuer
  | 'ERR_RECEIPT_PROOF' // the path does not lead to a root, or to another statement
  | 'ERR_RECEIPT_SIGNATURE'
  | 'ERR_RECEIPT_CLAIMS' // iss, sub or tree size claim missing or not the log's
  | 'ERR_CONSISTENCY' // two tree heads are not consistent
  | 'ERR_NOTE_SIGNATURE' // no signature by a known key, or a known key's signature fails
  | 'ERR_CHECKPOINT_ORIGIN' // a checkpoint of another log
  | 'ERR_QUORUM' // too few witnesses cosigned
  | 'ERR_TOKEN_MISSING' // this service registers only for known submitters
  | 'ERR_TOKEN_INVALID' // a bearer token that is unknown, expired, revoked or not of an accepted provider
  | 'ERR_TOKEN_SCOPE' // an API token that does not allow this
  | 'ERR_PAYLOAD_MISMATCH' // the given payload is not what was signed
  | 'ERR_INNER_SIGNATURE' // the signature inside a wrapped bundle or envelope does not verify
  | 'ERR_TEE_EVIDENCE' // hardware evidence or its collateral does not hold; EvidenceError.reason says why
  | 'ERR_ROOT_MISMATCH'

/** Codes for evidence that holds and that a policy refuses. */
export type PolicyErrorCode =
  | 'ERR_POLICY_REJECTED' // by the Registration Policy; `rule` says which one
  | 'ERR_POLICY_GOVERNANCE' // a governance statement that this log does not accept

/** Codes for what may succeed when tried again. */
export type UnavailableErrorCode =
  | 'ERR_QUEUE_FULL'
  | 'ERR_RATE_LIMITED'
  | 'ERR_QUOTA' // a submitter has used up what one may register in a day
  | 'ERR_LOG_FROZEN' // an operator froze the log: it is read, and takes nothing new
  | 'ERR_DISK_FLOOR' // too little disk space is left to take anything new
  | 'ERR_LOG_STOPPED' // the log does not sequence any more; the process is about to end
  | 'ERR_LOG_CLOSING' // draining
  | 'ERR_DECISION_STALE' // decided under another time or policy: decide again
  | 'ERR_CLOCK_BEHIND'
  | 'ERR_STORE_BUSY' // nothing was stored
  | 'ERR_HEAD_MOVED' // nothing was stored: another node's batch came first
  | 'ERR_JOURNAL_MOVED' // nothing was stored: another journal came first
  | 'ERR_STORE_UNREACHABLE' // of several nodes: what this one asked for may be done or not
  | 'ERR_GUARD_UNREACHABLE' // likewise; nothing is signed meanwhile
  | 'ERR_TIMEOUT'
  | 'ERR_NETWORK'
  | 'ERR_INDEX_OFF' // this service answers no look-ups
  | 'ERR_INDEX_BEHIND' // the index does not cover yet what was asked for
  | 'ERR_STREAMS_FULL' // too many clients follow the feed
  | 'ERR_APPRAISER_BUSY' // evidence of entries cannot be appraised for readers now
  | 'ERR_DELIVERY' // a monitor's command or webhook did not take an event

/** Codes for things that are simply not there. */
export type NotFoundErrorCode =
  | 'ERR_ENTRY_UNKNOWN'
  | 'ERR_COLLATERAL_UNKNOWN' // no released entry was admitted with such a piece
  | 'ERR_PAYLOAD_UNKNOWN' // the payload store has nothing of this digest
  | 'ERR_PAYLOAD_PRUNED' // it was deleted by a registered statement
  | 'ERR_EVIDENCE_UNKNOWN' // the entry holds no TEE evidence
  | 'ERR_EVIDENCE_UNVERIFIED' // its policy had no evidence verified, or it does not verify any more
  | 'ERR_REGISTRAR_UNKNOWN' // no key signs for the registry here
  | 'ERR_KEY_UNKNOWN'
  | 'ERR_HEAD_UNKNOWN'
  | 'ERR_TILE_UNKNOWN' // a tile or bundle that the released tree does not have
  | 'ERR_ROUTE_UNKNOWN'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_MEDIA_TYPE'
  | 'ERR_LOCATOR'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_HEADERS_TOO_LARGE'
  | 'ERR_REQUEST_TIMEOUT' // the request did not arrive in time
  | 'ERR_EXPECTATION' // an Expect header that we do not meet
  | 'ERR_REGISTRATION_FAILED'

/** Codes for a refusal to start or to sign: an operator has to decide. */
export type StartErrorCode =
  | 'ERR_LOG_MISSING'
  | 'ERR_LOG_EXISTS'
  | 'ERR_LOG_LOCKED' // another process serves this data directory
  | 'ERR_LOG_CORRUPT' // stored bytes do not hash to the stored head
  | 'ERR_GUARD_MISSING'
  | 'ERR_GUARD_AHEAD' // this is an older copy of the log
  | 'ERR_GUARD_FORK' // same size, another root; or not a prefix
  | 'ERR_GUARD_BEHIND' // this is an older copy of the guard
  | 'ERR_CLOCK_BEHIND' // the clock is behind the last registration time
  | 'ERR_NODE_FENCED' // an operator cut off every node that was running: start again
  | 'ERR_KEY_MISMATCH' // the private key is not the one this log uses
  | 'ERR_KEY_FILE' // missing, unreadable, or readable by others
  | 'ERR_BACKUP_DAMAGED' // a backup that is not what its manifest says
  | 'ERR_LOG_MOVED' // this log goes on in another store
  | 'ERR_WITNESS_AHEAD' // a witness cosigned a larger tree than this copy of the log has
  | 'ERR_WITNESS_FORK' // a witness shows a checkpoint of ours that this log never made
  | 'ERR_WITNESS_QUORUM' // witnesses are required, and there is no quorum to start from
  | 'ERR_DISK' // a file of the log or its guard cannot be read or written now; nothing says that it is damaged
  | 'ERR_CONFIGURATION'

export type ErrorCode =
  | InputErrorCode
  | VerificationErrorCode
  | PolicyErrorCode
  | UnavailableErrorCode
  | NotFoundErrorCode
  | StartErrorCode
  | 'ERR_INVARIANT'

/** Base of all errors that Attestry throws on purpose. `code` is stable; `message` is for people. */
export abstract class AttestryError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The bytes are at fault: answer 400 and go on. */
export class InputError extends AttestryError<InputErrorCode> {}

/** A payload that is not what it says it is; `pointer` (RFC 6901) names the place, '' the whole. */
export class PayloadError extends InputError {
  readonly pointer: string

  constructor(
    code: Extract<InputErrorCode, `ERR_PAYLOAD_${string}`>,
    pointer: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
    this.pointer = pointer
  }
}

/** The evidence is at fault: it parses and does not hold. */
export class VerificationError extends AttestryError<VerificationErrorCode> {}

/** The evidence holds; the policy refuses it. `rule` is the stable name of the rule. */
export class PolicyError extends AttestryError<PolicyErrorCode> {
  readonly rule: string
  /** JSON Pointer to what is wrong in the payload, where the rule is about one place. */
  readonly pointer: string | undefined

  constructor(
    code: PolicyErrorCode,
    rule: string,
    message: string,
    options?: ErrorOptions & { readonly pointer?: string | undefined },
  ) {
    super(code, message, options)
    this.rule = rule
    this.pointer = options?.pointer
  }
}

/** Nothing is wrong with the request: try again after `retryAfterSeconds`. */
export class UnavailableError extends AttestryError<UnavailableErrorCode> {
  readonly retryAfterSeconds: number

  constructor(
    code: UnavailableErrorCode,
    message: string,
    options?: ErrorOptions & { retryAfterSeconds?: number },
  ) {
    super(code, message, options)
    this.retryAfterSeconds = options?.retryAfterSeconds ?? 1
  }
}

/** The thing that was asked for does not exist here. */
export class NotFoundError extends AttestryError<NotFoundErrorCode> {}

/** The log refuses to start or to sign; the message says what an operator can do. */
export class StartError extends AttestryError<StartErrorCode> {}

/** Our own bug, or storage that broke its promise: never answered, always ends the process. */
export class InvariantError extends AttestryError<'ERR_INVARIANT'> {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_INVARIANT', message, options)
  }
}

/** Throws an {@link InvariantError} unless `condition` holds. For our own bugs only, never for input. */
export function assertInvariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
