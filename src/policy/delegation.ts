/**
 * Delegations as the payloads of statements (R7): an issuer lets another key speak for it about a
 * part of its subjects and predicate types until a date, and takes it back. The ideas are UCAN's:
 * attenuate only, cite the parent, expire; the form is a COSE statement like any other. This file is
 * the two documents; chains are delegation-index.ts, admission decide-delegation.ts.
 *
 *     {"version":1, "audience":"<base64url COSE_Key>", "subjects":["pkg:npm/@acme/*"],
 *      "predicateTypes":["https://slsa.dev/provenance/v1"], "expires":1790000000,
 *      "notBefore"?:1780000000, "parent"?:"<entry id>"}
 *     {"version":1, "delegation":"<entry id>"}
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'

/** What a delegation gives, to whom and for how long. */
export interface Delegation {
  /** The key that may speak for the issuer. */
  readonly audience: PublicKey
  readonly subjects: readonly string[]
  readonly predicateTypes: readonly string[]
  /** First and last registration time at which it holds. */
  readonly notBefore: UnixSeconds
  readonly expires: UnixSeconds
  /** Entry id of the delegation whose audience passes its part on; absent for the issuer's own. */
  readonly parent?: string
}

/** Patterns that one delegation may have in a list. */
export const DELEGATION_PATTERNS_MAX = 64

const DELEGATION: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'delegation' }
const REVOCATION: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'delegation revocation' }

function fail(context: JsonContext, message: string, options?: ErrorOptions): never {
  throw new InputError(context.code, `${context.what}: ${message}`, options)
}

/** @throws InputError `ERR_PAYLOAD_MALFORMED` unless it is exactly of the documented form. */
export function parseDelegation(bytes: Uint8Array): Delegation {
  const members = readMembers(
    parseStrictJson(bytes, DELEGATION),
    {
      required: ['version', 'audience', 'subjects', 'predicateTypes', 'expires'],
      optional: ['notBefore', 'parent'],
    },
    DELEGATION,
  )
  if (members['version'] !== 1) fail(DELEGATION, 'not of version 1')
  const notBefore = 'notBefore' in members ? readTime(members['notBefore'], 'notBefore') : 0
  const expires = readTime(members['expires'], 'expires')
  if (expires < notBefore) fail(DELEGATION, 'it expires before it begins')
  return {
    audience: readAudience(members['audience']),
    subjects: readPatterns(members['subjects'], 'subjects'),
    predicateTypes: readPatterns(members['predicateTypes'], 'predicateTypes'),
    notBefore,
    expires,
    ...('parent' in members ? { parent: readEntryId(members['parent'], DELEGATION) } : {}),
  }
}

/** @returns the entry id of the delegation that is revoked. */
export function parseDelegationRevocation(bytes: Uint8Array): string {
  const members = readMembers(
    parseStrictJson(bytes, REVOCATION),
    { required: ['version', 'delegation'] },
    REVOCATION,
  )
  if (members['version'] !== 1) fail(REVOCATION, 'not of version 1')
  return readEntryId(members['delegation'], REVOCATION)
}

export function encodeDelegation(delegation: Delegation): Uint8Array {
  const { audience, subjects, predicateTypes, notBefore, expires, parent } = delegation
  return encodeUtf8(
    JSON.stringify({
      version: 1,
      audience: encodeBase64url(encodeCoseKey(audience)),
      subjects,
      predicateTypes,
      notBefore: notBefore === 0 ? undefined : notBefore,
      expires,
      parent,
    }),
  )
}

export function encodeDelegationRevocation(delegation: string): Uint8Array {
  return encodeUtf8(JSON.stringify({ version: 1, delegation }))
}

function readAudience(value: unknown): PublicKey {
  const text = readText(value, { ...DELEGATION, what: 'audience of the delegation' })
  try {
    return parseCoseKey(decodeBase64url(text))
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    return fail(DELEGATION, 'its audience is not a base64url COSE_Key', { cause })
  }
}

function readPatterns(value: unknown, name: string): readonly string[] {
  const context = { ...DELEGATION, what: `${name} of the delegation` }
  const list = readList(value, context)
  if (list.length === 0 || list.length > DELEGATION_PATTERNS_MAX) {
    fail(DELEGATION, `${name} does not have 1 to ${DELEGATION_PATTERNS_MAX} patterns`)
  }
  return list.map((item) => readText(item, context))
}

function readTime(value: unknown, name: string): UnixSeconds {
  const isTime = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
  return isTime ? value : fail(DELEGATION, `${name} is not a number of seconds since 1970`)
}

function readEntryId(value: unknown, context: JsonContext): string {
  const isId = typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
  return isId ? value : fail(context, 'not the 64 hex digits of an entry id')
}
