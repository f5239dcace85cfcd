/**
 * Arm CCA attestation tokens (statements.md §5.4; draft-ffm-rats-cca-token): a CBOR map, tag 399, or 907
 * in newer drafts, of a platform token and a realm token, each a COSE_Sign1. The
 * platform token is signed by the CPAK, which no vendor root vouches for: it comes from endorsements.
 * Its challenge is the digest of the realm's key, and that key signs the realm token.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { digest, type DigestName } from '../../bytes/digest.ts'
import { decodeCbor, type CborMap, type CborValue } from '../../cbor/decode.ts'
import { readHead } from '../../cbor/head.ts'
import { parseCoseKey, publicKeyFromSpki, type PublicKey } from '../../cose/public-key.ts'
import type { CoseSign1 } from '../../cose/parse-sign1.ts'
import { InputError } from '../../errors.ts'
import { ecSpki } from '../../x509/spki.ts'
import { EvidenceError } from './evidence.ts'
import { parseForeignSign1 } from './foreign-sign1.ts'

const TOKEN_BYTES_MAX = 64 * 1024
const TAGS: readonly number[] = [399, 907]
const MAJOR_TAG = 6
const LABEL = { platform: 44234, realm: 44241 } as const
const COMPONENTS_MAX = 64
const REMS = 4
const RAW_POINT_BYTES = 97

/** A part of the platform's software. */
export interface CcaComponent {
  readonly name?: string
  readonly measurement: Uint8Array
  readonly version?: string
  readonly signer: Uint8Array
}

/** Claims of the platform token. */
export interface CcaPlatform {
  readonly message: CoseSign1
  readonly profile: string
  readonly challenge: Uint8Array
  readonly implementationId: Uint8Array
  readonly instanceId: Uint8Array
  readonly lifecycle: number
  readonly components: readonly CcaComponent[]
}

/** Claims of the realm token. */
export interface CcaRealm {
  readonly message: CoseSign1
  readonly profile?: string
  readonly challenge: Uint8Array
  readonly personalization: Uint8Array
  /** Initial measurement. */
  readonly rim: Uint8Array
  /** Extensible measurements. */
  readonly rems: readonly Uint8Array[]
  readonly key: PublicKey
  /** The key as it stands in the token, which is what the platform's challenge is the digest of. */
  readonly keyBytes: Uint8Array
  readonly keyHash: DigestName
}

export interface CcaToken {
  readonly platform: CcaPlatform
  readonly realm: CcaRealm
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `CCA token: ${message}`, { cause })
}

/**
 * Parses a token.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function parseCcaToken(bytes: Uint8Array): CcaToken {
  if (bytes.length > TOKEN_BYTES_MAX) throw malformed('too long')
  try {
    const head = readHead(bytes, 0)
    if (head.major !== MAJOR_TAG || !TAGS.includes(head.value)) throw malformed('another tag')
    const map = decodeCbor(bytes.subarray(head.next))
    if (!(map instanceof Map)) throw malformed('not a map')
    const part = (label: number): CoseSign1 => {
      const value: unknown = map.get(label)
      // Newer drafts wrap each token in a CMW record, [type, token].
      const token: unknown = Array.isArray(value) && value.length === 2 ? value[1] : value
      if (!(token instanceof Uint8Array)) throw malformed('a token is missing')
      return parseForeignSign1(token)
    }
    return { platform: readPlatform(part(LABEL.platform)), realm: readRealm(part(LABEL.realm)) }
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
}

class Claims {
  readonly map: CborMap

  constructor({ payload }: CoseSign1) {
    if (payload === null) throw malformed('a token without claims')
    const map = decodeCbor(payload)
    if (!(map instanceof Map)) throw malformed('claims are a map')
    this.map = map
  }

  bytes(label: number, lengths: readonly number[]): Uint8Array {
    return checkBytes(this.map.get(label), lengths)
  }

  text(label: number): string {
    const value = this.map.get(label)
    if (typeof value !== 'string') throw malformed(`claim ${label} is not a text`)
    return value
  }
}

function checkBytes(value: CborValue, lengths: readonly number[]): Uint8Array {
  if (!(value instanceof Uint8Array) || !lengths.includes(value.length)) {
    throw malformed('a claim of another type or length')
  }
  return value
}

const DIGEST_BYTES: readonly number[] = [32, 48, 64]

function readPlatform(message: CoseSign1): CcaPlatform {
  const claims = new Claims(message)
  const lifecycle = claims.map.get(2395)
  if (typeof lifecycle !== 'number' || lifecycle < 0 || lifecycle > 0xffff) {
    throw malformed('no lifecycle')
  }
  const components = claims.map.get(2399)
  if (!Array.isArray(components) || components.length > COMPONENTS_MAX) {
    throw malformed('no software components')
  }
  return {
    message,
    profile: claims.text(265),
    challenge: claims.bytes(10, DIGEST_BYTES),
    implementationId: claims.bytes(2396, [32]),
    instanceId: claims.bytes(256, [33]),
    lifecycle,
    components: (components as readonly CborValue[]).map(readComponent),
  }
}

function readComponent(value: CborValue): CcaComponent {
  if (!(value instanceof Map)) throw malformed('a software component is a map')
  const map = value as CborMap
  const name = map.get(1)
  const version = map.get(4)
  return {
    ...(typeof name === 'string' ? { name } : {}),
    measurement: checkBytes(map.get(2), DIGEST_BYTES),
    ...(typeof version === 'string' ? { version } : {}),
    signer: checkBytes(map.get(5), DIGEST_BYTES),
  }
}

const HASHES = new Map<unknown, DigestName>([
  ['sha-256', 'SHA-256'],
  ['sha-384', 'SHA-384'],
  ['sha-512', 'SHA-512'],
])

function readRealm(message: CoseSign1): CcaRealm {
  const claims = new Claims(message)
  const profile = claims.map.get(265)
  const rems = claims.map.get(44239)
  if (!Array.isArray(rems) || rems.length !== REMS) throw malformed('four extensible measurements')
  const keyHash = HASHES.get(claims.map.get(44240))
  if (keyHash === undefined) throw new EvidenceError('unsupported', 'the hash of the realm key')
  const keyBytes = claims.map.get(44237)
  if (!(keyBytes instanceof Uint8Array)) throw malformed('no realm key')
  return {
    message,
    ...(typeof profile === 'string' ? { profile } : {}),
    challenge: claims.bytes(10, [64]),
    personalization: claims.bytes(44235, [64]),
    rim: claims.bytes(44238, DIGEST_BYTES),
    rems: (rems as readonly CborValue[]).map((rem) => checkBytes(rem, DIGEST_BYTES)),
    key: readKey(keyBytes),
    keyBytes,
    keyHash,
  }
}

/** Older realms give a raw P-384 point, newer ones a COSE_Key. */
function readKey(bytes: Uint8Array): PublicKey {
  if (bytes.length !== RAW_POINT_BYTES || bytes[0] !== 4) return parseCoseKey(bytes)
  const half = (RAW_POINT_BYTES - 1) / 2
  return publicKeyFromSpki(ecSpki('P-384', bytes.subarray(1, 1 + half), bytes.subarray(1 + half)))
}

/** True when the platform's challenge is the digest of the realm's key. */
export function vouchesForRealm({ platform, realm }: CcaToken): boolean {
  return equalBytes(platform.challenge, digest(realm.keyHash, realm.keyBytes))
}
