/**
 * Trust anchors for the signatures inside wrapped envelopes (design D4): roots of Sigstore instances
 * and keys of DSSE signers, as members of the trust anchors document. They authenticate nobody who
 * registers; a policy that names them has bundles and envelopes verified at admission.
 *
 *     "sigstoreRoots": [{"name": "public-good", "trustedRoot": "<base64 of trusted_root.json>"}]
 *     "dsseKeys": [{"coseKey": "<base64url COSE_Key>", "keyid": "…", "validFrom": 0, "validUntil": 0}]
 */
import { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from '../bytes/base64.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import type { DsseKey } from '../payload/verify-dsse.ts'
import { parseTrustedRoots, trustedRootDigest } from '../payload/trusted-root.ts'

/** A Sigstore instance. */
export interface SigstoreRoot {
  /** For people. */
  readonly name: string
  /** `sha256:` and hex of the file: how a policy names it. */
  readonly digest: string
  /** Exactly the bytes of its `trusted_root.json`. */
  readonly trustedRoot: Uint8Array
}

/** A key of DSSE envelopes, and of bundles that name a key; both times are included. */
export interface InnerKey extends DsseKey {
  readonly validFrom?: UnixSeconds
  readonly validUntil?: UnixSeconds
}

/** What inner signatures are verified with. */
export interface InnerAnchors {
  readonly sigstoreRoots: readonly SigstoreRoot[]
  readonly dsseKeys: readonly InnerKey[]
}

export const NO_INNER_ANCHORS: InnerAnchors = { sigstoreRoots: [], dsseKeys: [] }

/** Members of the trust anchors document that are read here. */
export const INNER_ANCHOR_MEMBERS = ['sigstoreRoots', 'dsseKeys'] as const

const about = (what: string): JsonContext => ({ code: 'ERR_TRUST_CONFIGURATION', what })

/**
 * Reads the two members; what is absent is empty.
 * @throws InputError `ERR_TRUST_CONFIGURATION` that names the place.
 */
export function parseInnerAnchors(members: Readonly<Record<string, unknown>>): InnerAnchors {
  const read = <T>(name: string, readItem: (item: unknown) => T): readonly T[] =>
    members[name] === undefined
      ? []
      : readList(members[name], about(name)).map((item, at) => {
          try {
            return readItem(item)
          } catch (cause) {
            if (!(cause instanceof AttestryError)) throw cause
            const { message } = cause as AttestryError
            throw new InputError('ERR_TRUST_CONFIGURATION', `${name} ${at}: ${message}`, { cause })
          }
        })
  return { sigstoreRoots: read('sigstoreRoots', readRoot), dsseKeys: read('dsseKeys', readKey) }
}

function readRoot(item: unknown): SigstoreRoot {
  const context = about('Sigstore root')
  const members = readMembers(item, { required: ['name', 'trustedRoot'] }, context)
  const trustedRoot = decodeBase64(readText(members['trustedRoot'], about('trustedRoot')))
  parseTrustedRoots(trustedRoot)
  const name = readText(members['name'], about('name'))
  return { name, digest: trustedRootDigest(trustedRoot), trustedRoot }
}

function readKey(item: unknown): InnerKey {
  const members = readMembers(
    item,
    { required: ['coseKey'], optional: ['keyid', 'validFrom', 'validUntil'] },
    about('DSSE key'),
  )
  const { keyid, validFrom, validUntil } = members
  return {
    key: parseCoseKey(decodeBase64url(readText(members['coseKey'], about('coseKey')))),
    ...(keyid === undefined ? {} : { keyid: readText(keyid, about('keyid')) }),
    ...(validFrom === undefined ? {} : { validFrom: readTime(validFrom, 'validFrom') }),
    ...(validUntil === undefined ? {} : { validUntil: readTime(validUntil, 'validUntil') }),
  }
}

function readTime(value: unknown, name: string): UnixSeconds {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new InputError('ERR_TRUST_CONFIGURATION', `${name} is a number of seconds since 1970`)
}

/** The members as JSON; empty lists are left out. */
export function innerAnchorsJson({
  sigstoreRoots,
  dsseKeys,
}: InnerAnchors): Record<string, unknown> {
  return {
    ...(sigstoreRoots.length === 0
      ? {}
      : {
          sigstoreRoots: sigstoreRoots.map(({ name, trustedRoot }) => ({
            name,
            trustedRoot: encodeBase64(trustedRoot),
          })),
        }),
    ...(dsseKeys.length === 0
      ? {}
      : {
          dsseKeys: dsseKeys.map(({ key, keyid, validFrom, validUntil }) => ({
            coseKey: encodeBase64url(encodeCoseKey(key)),
            // JSON.stringify leaves out what is undefined.
            ...{ keyid, validFrom, validUntil },
          })),
        }),
  }
}
