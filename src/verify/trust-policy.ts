/**
 * The relying party's trust file: which logs' receipts count, under which keys and leaf rule, and
 * who may speak for which issuer (RFC 9943 §7.1: pinned by configuration, never taken from the
 * object itself). Strict JSON; an unknown member is refused because it could be a restriction.
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { LeafRule } from '../cose/verify-receipt.ts'
import { AttestryError, InputError } from '../errors.ts'
import { encodeTrustAnchor, parseTrustAnchors } from '../statement/trust-anchor.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'

/** What a receipt of a log has to look like. */
export type LogProfile =
  | 'attestry' // RFC 9162 tree; kid and the claims iss, sub and tree size are demanded (design D2)
  | 'rfc9162' // RFC 9162 tree of any service: what RFC 9942 demands and no more
  | 'ccf' // CCF ledger tree (vds 2)

export type { LeafRule }

/** A log whose receipts count. */
export interface TrustedLog {
  /** The receipts' `iss` claim. */
  readonly issuer: string
  /** The receipts' `sub` claim, when the log always states the same: an Attestry log's origin. */
  readonly origin?: string
  readonly profile: LogProfile
  readonly leafRule: LeafRule
  readonly keys: readonly PublicKey[]
}

/** Everything a verification trusts beforehand. */
export interface TrustPolicy {
  readonly version: 1
  readonly logs: readonly TrustedLog[]
  readonly issuers: readonly TrustAnchor[]
}

const FILE: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'trust file' }
const LOG: JsonContext = { ...FILE, what: 'log of the trust file' }
const PROFILES: readonly LogProfile[] = ['attestry', 'rfc9162', 'ccf']
const LEAF_RULES: readonly LeafRule[] = ['entry', 'entry-digest']

/**
 * Parses a trust file.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form.
 * @example
 * const trust = parseTrustPolicy(new TextEncoder().encode('{"version":1,"logs":[],"issuers":[]}'))
 */
export function parseTrustPolicy(bytes: Uint8Array): TrustPolicy {
  const members = readMembers(
    parseStrictJson(bytes, FILE),
    { required: ['version', 'logs', 'issuers'] },
    FILE,
  )
  if (members['version'] !== 1) throw new InputError(FILE.code, 'trust file is not of version 1')
  const logs = readList(members['logs'], { ...FILE, what: '"logs" of the trust file' }).map(
    parseLog,
  )
  const seen = new Set<string>()
  for (const log of logs) {
    // One place per log: two rules for one issuer would make the verdict depend on their order.
    if (seen.has(log.issuer)) {
      throw new InputError(FILE.code, `trust file lists the log "${log.issuer}" twice`)
    }
    seen.add(log.issuer)
  }
  return { version: 1, logs, issuers: parseTrustAnchors(members['issuers']) }
}

/** The serialisation of a trust file: stable member order, indented for people who compare it. */
export function encodeTrustPolicy(trust: TrustPolicy): Uint8Array {
  const logs = trust.logs.map((log) => ({
    issuer: log.issuer,
    ...(log.origin === undefined ? {} : { origin: log.origin }),
    profile: log.profile,
    ...(log.profile === 'rfc9162' ? { leafRule: log.leafRule } : {}),
    keys: log.keys.map((key) => encodeBase64url(encodeCoseKey(key))),
  }))
  const file = { version: 1, logs, issuers: trust.issuers.map(encodeTrustAnchor) }
  return encodeUtf8(`${JSON.stringify(file, null, 2)}\n`)
}

function parseLog(value: unknown): TrustedLog {
  const members = readMembers(
    value,
    { required: ['issuer', 'profile', 'keys'], optional: ['origin', 'leafRule'] },
    LOG,
  )
  const issuer = readText(members['issuer'], { ...LOG, what: 'issuer of a log' })
  const what = `log "${issuer}" of the trust file`
  const profile = readWord(members['profile'], PROFILES, `profile of ${what}`)
  const leafRule =
    members['leafRule'] === undefined
      ? 'entry'
      : readWord(members['leafRule'], LEAF_RULES, `leafRule of ${what}`)
  if (profile !== 'rfc9162' && leafRule !== 'entry') {
    throw new InputError(LOG.code, `${what}: the profile ${profile} fixes the leaf rule`)
  }
  const keys = readList(members['keys'], { ...LOG, what: `keys of ${what}` })
  if (keys.length === 0) throw new InputError(LOG.code, `${what} has no keys`)
  return {
    issuer,
    ...(members['origin'] === undefined
      ? {}
      : { origin: readText(members['origin'], { ...LOG, what: `origin of ${what}` }) }),
    profile,
    leafRule,
    keys: keys.map((key) => parseKey(key, what)),
  }
}

function readWord<Word extends string>(value: unknown, words: readonly Word[], what: string): Word {
  const word = words.find((known) => known === value)
  if (word === undefined) {
    throw new InputError(LOG.code, `${what} is not one of ${words.join(', ')}`)
  }
  return word
}

function parseKey(value: unknown, what: string): PublicKey {
  const text = readText(value, { ...LOG, what: `key of ${what}` })
  try {
    return parseCoseKey(decodeBase64url(text))
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    throw new InputError(LOG.code, `key of ${what} is not a base64url COSE_Key`, { cause })
  }
}
