/**
 * Collateral, and the form in which it is stored, served by its SHA-256 and replayed from (design D5):
 * an unprotected certificate chain, and the verified claims about who submitted. One serialisation
 * each, because journals commit to the digest. Raw tokens are never among it.
 */
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readMembers, readText } from '../bytes/json-values.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { decodeCbor } from '../cbor/decode.ts'
import type { CborValue } from '../cbor/decode.ts'
import { encodeCbor } from '../cbor/encode.ts'
import { InputError } from '../errors.ts'
import type { CollateralKind } from './registration-journal.ts'
import { SUBMITTER_KINDS } from './submitter-claims.ts'
import type { SubmitterClaims } from './submitter-claims.ts'

const CERTIFICATES_MAX = 16
const CLAIMS: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'submitter claims' }

/** What takes part beside the statement; kept with the entry when it does (design D5). */
export interface Collateral {
  /** Unprotected certificate chain, DER, leaf first; by default the statement's own. */
  readonly x5chain?: readonly Uint8Array[]
  readonly submitter?: SubmitterClaims
  /** Content of a hash envelope; whoever gives it has held it against the signed digest. */
  readonly preimage?: Uint8Array
}

/**
 * What a stored piece is to decide(); nothing for what takes no part in it, as the key set of a token.
 * @throws InputError as {@link decodeChain} and {@link parseSubmitterCollateral}.
 */
export function readPiece(kind: CollateralKind, bytes: Uint8Array): Collateral {
  switch (kind) {
    case 'x5chain':
      return { x5chain: decodeChain(bytes) }
    case 'submitter-claims':
      return { submitter: parseSubmitterCollateral(bytes) }
    case 'preimage':
      return { preimage: bytes }
    case 'jwks':
      return {}
  }
}

/** The bytes of an unprotected x5chain: a CBOR array of DER certificates, leaf first. */
export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return encodeCbor(chain)
}

/** @throws InputError `ERR_CBOR_*`, or `ERR_PAYLOAD_MALFORMED` for anything but certificates. */
export function decodeChain(bytes: Uint8Array): readonly Uint8Array[] {
  const value = decodeCbor(bytes)
  const list = Array.isArray(value) ? (value as readonly CborValue[]) : []
  if (list.length === 0 || list.length > CERTIFICATES_MAX) throw refusedChain()
  return list.map((item) => {
    if (item instanceof Uint8Array) return item
    throw refusedChain()
  })
}

/** Claims as they are kept; `jwks` names the key set that their token was verified with. */
export interface SubmitterCollateral extends SubmitterClaims {
  /** `sha256:` and hex of the stored key set; absent where no token was verified with one. */
  readonly jwks?: string
}

/** The bytes of submitter claims: members in this order, claims by name. */
export function encodeSubmitterCollateral(submitter: SubmitterCollateral): Uint8Array {
  const { kind, issuer, audience, claims, jwks } = submitter
  const names = Object.keys(claims).sort()
  const sorted = Object.fromEntries(names.map((name) => [name, claims[name]]))
  return encodeUtf8(JSON.stringify({ kind, issuer, audience, claims: sorted, jwks }))
}

/** @throws InputError `ERR_PAYLOAD_MALFORMED`. */
export function parseSubmitterCollateral(bytes: Uint8Array): SubmitterCollateral {
  const members = readMembers(
    parseStrictJson(bytes, CLAIMS),
    { required: ['kind', 'issuer', 'claims'], optional: ['audience', 'jwks'] },
    CLAIMS,
  )
  const { claims } = members
  const kind = SUBMITTER_KINDS.find((one) => one === members['kind'])
  if (kind === undefined) throw refused('are of no known kind')
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw refused('have no claims')
  }
  for (const value of Object.values(claims)) {
    if (typeof value !== 'string') throw refused('have a claim that is not a text')
  }
  const optional = (name: string): Record<string, string> =>
    members[name] === undefined ? {} : { [name]: readText(members[name], CLAIMS) }
  return {
    kind,
    issuer: readText(members['issuer'], CLAIMS),
    claims: claims as Record<string, string>,
    ...optional('audience'),
    ...optional('jwks'),
  }
}

function refused(message: string): InputError {
  return new InputError(CLAIMS.code, `the ${CLAIMS.what} ${message}`)
}

function refusedChain(): InputError {
  return new InputError(CLAIMS.code, `a chain is an array of 1 to ${CERTIFICATES_MAX} certificates`)
}
