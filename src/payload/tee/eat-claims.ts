/**
 * The claims of Entity Attestation Tokens (RFC 9711), JWT or CWT, brought into one form: by their JSON
 * names. Nothing is verified here: `eat.ts` does that.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { CborTag, decodeCbor, type CborMap, type CborValue } from '../../cbor/decode.ts'
import type { CoseSign1 } from '../../cose/parse-sign1.ts'
import { InputError } from '../../errors.ts'
import type { JsonObject } from '../json-members.ts'
import { EvidenceError } from './evidence.ts'
import { parseForeignSign1 } from './foreign-sign1.ts'
import { parseJwt, TOKEN_BYTES_MAX } from './jwt.ts'

const TAG_CWT = 61

/** CWT and EAT claim keys (IANA CWT registry; EAR draft) by their JSON names. */
const CLAIM_NAMES = new Map<CborValue, string>([
  [1, 'iss'],
  [2, 'sub'],
  [4, 'exp'],
  [5, 'nbf'],
  [6, 'iat'],
  [10, 'eat_nonce'],
  [256, 'ueid'],
  [258, 'oemid'],
  [259, 'hwmodel'],
  [262, 'oemboot'],
  [263, 'dbgstat'],
  [265, 'eat_profile'],
  [266, 'submods'],
  [1000, 'ear_status'],
  [1001, 'ear_trustworthiness_vector'],
  [1002, 'ear_raw_evidence'],
  [1003, 'ear_appraisal_policy_ids'],
  [1004, 'ear_verifier_id'],
])

/** The claims of a token whose signature nobody has looked at. */
export interface ClaimedToken {
  readonly claims: JsonObject
  readonly profile?: string
  readonly issuer?: string
  readonly issuedAt?: UnixSeconds
  readonly expiresAt?: UnixSeconds
}

/** True for a token that is not text: a CWT. */
export const isCose = (token: Uint8Array): boolean => token[0] !== undefined && token[0] >= 0x80

/**
 * Reads a token without verifying it: for descriptions, which say what was claimed.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function readTokenUnsafe(token: Uint8Array): ClaimedToken {
  if (token.length > TOKEN_BYTES_MAX) throw new EvidenceError('malformed', 'the token is too long')
  return claimed(isCose(token) ? readClaims(parseCwt(token)) : parseJwt(token).claims)
}

/** The claims that every token may have, read. @throws EvidenceError `malformed`. */
export function claimed(claims: JsonObject): ClaimedToken {
  const members = {
    profile: textClaim(claims, 'eat_profile'),
    issuer: textClaim(claims, 'iss'),
    issuedAt: timeClaim(claims, 'iat'),
    expiresAt: timeClaim(claims, 'exp'),
  }
  const known = Object.entries(members).filter(([, value]) => value !== undefined)
  return { claims, ...(Object.fromEntries(known) as Partial<ClaimedToken>) }
}

function textClaim(claims: JsonObject, name: string): string | undefined {
  const value = claims[name]
  if (value === undefined || typeof value === 'string') return value
  throw new EvidenceError('malformed', `claim ${name} is not a text`)
}

/** @throws EvidenceError `malformed` unless the claim is absent or a time. */
export function timeClaim(claims: JsonObject, name: string): UnixSeconds | undefined {
  const value = claims[name]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return Math.floor(value)
  throw new EvidenceError('malformed', `claim ${name} is not a time`)
}

/** A COSE_Sign1 with or without its own tag and the tag of a CWT. @throws EvidenceError `malformed`. */
export function parseCwt(bytes: Uint8Array): CoseSign1 {
  try {
    const isCwt = bytes[0] === 0xd8 && bytes[1] === TAG_CWT
    return parseForeignSign1(isCwt ? bytes.subarray(2) : bytes)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('malformed', `token: ${cause.message}`, { cause })
  }
}

/** The claims of a CWT. @throws EvidenceError `malformed`. */
export function readClaims({ payload }: CoseSign1): JsonObject {
  try {
    const map = payload === null ? undefined : decodeCbor(payload)
    if (!(map instanceof Map)) throw new EvidenceError('malformed', 'a token without claims')
    return toClaims(map as CborMap)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('malformed', `token: ${cause.message}`, { cause })
  }
}

/** A set of claims by their JSON names; submodules are sets of claims too, other maps are not. */
function toClaims(map: CborMap): JsonObject {
  const pairs = [...map].map(([key, value]) => {
    const name = CLAIM_NAMES.get(key) ?? labelOf(key)
    if (name !== 'submods' || !(value instanceof Map)) return [name, toPlain(value)] as const
    const submodules = [...(value as CborMap)].map(([label, item]) => {
      const claims = item instanceof Map ? toClaims(item as CborMap) : toPlain(item)
      return [labelOf(label), claims] as const
    })
    return [name, Object.fromEntries(submodules)] as const
  })
  return Object.fromEntries(pairs)
}

function labelOf(key: CborValue): string {
  if (typeof key === 'string') return key
  if (typeof key === 'number') return String(key)
  return key instanceof Uint8Array ? encodeHex(key) : 'other'
}

/** Any other value; byte strings stay bytes, tags are looked through. */
function toPlain(value: CborValue): unknown {
  if (value instanceof CborTag) return toPlain(value.value)
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(toPlain)
  if (!(value instanceof Map)) return value
  return Object.fromEntries(
    [...(value as CborMap)].map(([key, item]) => [labelOf(key), toPlain(item)] as const),
  )
}
