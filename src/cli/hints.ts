/** What a person can do about an error, by its code. Codes that explain themselves have no hint. */
import type { AttestryError, ErrorCode } from '../errors.ts'

/** Also of an error whose cause has the code: it says more than the code of what it led to. */
const CAUSES: Readonly<Record<string, string>> = {
  ERR_KEY_PRIVATE:
    '`attestry keygen` wrote the public one beside it, NAME.pub.cbor; of any other: openssl pkey -in FILE -pubout',
  ERR_TLS_FILE:
    'it is a parameter of the URL of the database: docs/operating.md, "TLS to PostgreSQL"',
}

const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  ERR_CBOR_MALFORMED: 'is this a COSE file? `attestry inspect FILE` shows what it holds',
  ERR_COSE_STRUCTURE: 'is this a COSE file? `attestry inspect FILE` shows what it holds',
  ERR_STATEMENT_TOO_LARGE: 'sign a digest of the payload instead: attestry sign … --hash sha-256',
  ERR_TRUST_CONFIGURATION:
    '`attestry trust fetch` and `attestry trust add` write trust files; docs/policies.md has the form of policies and anchors',
  ERR_ISSUER_UNKNOWN:
    'add the issuer: attestry trust add TRUST --issuer FILE=PATTERN, or accept any: --receipt-only',
  ERR_ISSUER_KEY:
    'if the issuer says elsewhere that this key speaks for it, pin it: attestry trust add TRUST --issuer FILE=PATTERN',
  ERR_RECEIPT_MISSING: 'register the statement first: attestry register FILE --url URL -o OUT',
  ERR_STATEMENT_MISSING:
    'URL/entries/ID/statement has both, and so has what attestry register STATEMENT --url URL -o OUT writes',
  ERR_RECEIPT_LOG_UNKNOWN:
    'pin the service: attestry trust fetch --url URL -o TRUST, with --replace once its operator says that the pinned key was rotated',
  ERR_PAYLOAD_MISMATCH: 'is this the file that was signed, byte for byte?',
  ERR_INNER_SIGNATURE:
    'the file is not as it was signed, or another root or key vouches for it: --root, --npm-keys, --dsse-key',
  ERR_TEE_EVIDENCE:
    'docs/tee.md; what is missing or too old comes with --collateral DIR, a key of a platform with --policy FILE',
  ERR_QUORUM: 'witnesses cosign shortly after registration: fetch the .tlog-proof again',
  ERR_POLICY_REJECTED:
    "docs/policies.md says what the rule asks; the registry's operator, or with verify you and your trust file, decide",
  ERR_PAYLOAD_UNKNOWN:
    'it was never handed over, or its owner keeps it: ask who signed the statement',
  ERR_ROUTE_UNKNOWN:
    'is --url the address of the service? It ends in a path only where the service lies below one: https://HOST/PATH',
  ERR_TOKEN_MISSING: 'give a bearer token: --token-file FILE, or ATTESTRY_TOKEN',
  ERR_NETWORK: 'is the service running at this URL?',
  ERR_TIMEOUT: 'the service may still register it; the same file can be registered again safely',
  ERR_QUEUE_FULL: 'try again later; the same file can be registered again safely',
  ERR_RATE_LIMITED: 'try again later; the same file can be registered again safely',
  ERR_QUOTA: 'it comes back over the day; the same file can be registered again safely',
  ERR_DISK_FLOOR:
    'the registry takes nothing new now: ask its operator; the same file can be registered again safely',
  ERR_LOG_FROZEN:
    'what it has can be read; its operator can say why, and whether another log goes on',
  ERR_STORE_UNREACHABLE:
    "the log's PostgreSQL has to answer: is it up, and is this its address? What was being stored is found or repeated",
  ERR_GUARD_UNREACHABLE:
    "the guard's PostgreSQL has to be brought back: nothing is signed without it, and an empty one never takes its place",
  ERR_INDEX_OFF: 'this service registers and proves, and answers no look-ups',
  ERR_LOG_MISSING: 'create a log first: attestry init --data DIR --origin ORIGIN',
  ERR_LOG_EXISTS: 'start it: attestry serve --data DIR',
  ERR_INVARIANT: 'this is a bug, or storage that broke its promise; nothing was signed after it',
}

/** The hint for an error, when there is one. */
export function hintFor(error: Pick<AttestryError, 'code' | 'cause'>): string | undefined {
  return causeHint(error) ?? HINTS[error.code]
}

function causeHint({ code, cause }: { code?: unknown; cause?: unknown }): string | undefined {
  const hint = typeof code === 'string' ? CAUSES[code] : undefined
  return hint ?? (cause instanceof Error ? causeHint(cause) : undefined)
}
