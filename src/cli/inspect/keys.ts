/**
 * Keys and certificates: COSE_Key, COSE_KeySet, JWK, PEM. Shows thumbprints (RFC 9679) for comparison and
 * never any private part.
 */
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { encodeBase64url } from '../../bytes/base64.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/bytes.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { publicKeyFromJwk } from '../../cose/jwk.ts'
import { encodeCoseKey, publicKeyFromCose, publicKeyFromSpki } from '../../cose/public-key.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import { textAt } from '../../payload/json-members.ts'
import { bytesText, cborItem, isMap } from './cbor-text.ts'
import { algorithmName, certificateItem } from './headers.ts'
import type { Inspection, Item } from './item.ts'

/** True for a map that has a key type (RFC 9052 §7.1). */
export function looksLikeCoseKey(value: CborValue): boolean {
  return isMap(value) && (typeof value.get(1) === 'number' || typeof value.get(1) === 'string')
}

/** A COSE_Key, or a COSE_KeySet for a list. */
export function inspectCoseKeys(value: CborValue): Inspection {
  if (!Array.isArray(value)) return { kind: 'COSE_Key', items: coseKeyItems(value) }
  const keys = value as readonly CborValue[]
  const items = keys.map((key, index) => ({ name: `key ${index + 1}`, items: coseKeyItems(key) }))
  return { kind: `COSE_KeySet of ${keys.length}`, items }
}

function coseKeyItems(value: CborValue): Item[] {
  // EC2 and OKP private keys have -4, RSA ones -3 (RFC 8230); -3 of EC2 is y and public.
  if (isMap(value) && (value.has(-4) || (value.get(1) === 3 && value.has(-3)))) {
    return [{ name: 'PRIVATE KEY', value: 'not shown' }]
  }
  try {
    return publicKeyItems(publicKeyFromCose(value))
  } catch (error) {
    return [cborItem('malformed key', value), { name: 'because', value: (error as Error).message }]
  }
}

/** A public key as a JWK. @throws InputError for any other JSON, and for a private key. */
export function inspectJwk(bytes: Uint8Array): Inspection {
  const json = parseStrictJson(bytes, { code: 'ERR_COSE_KEY', what: 'JWK' })
  const member = (name: string): string | undefined => textAt(json, name)
  const [kty, crv, d] = [member('kty'), member('crv'), member('d')]
  const numbers = { x: member('x'), y: member('y'), n: member('n'), e: member('e') }
  return { kind: 'JWK', items: publicKeyItems(publicKeyFromJwk({ kty, crv, d, ...numbers })) }
}

/** Kind, algorithm, kid and thumbprint of a public key, and the form in which policies and anchors have it. */
function publicKeyItems(key: PublicKey): Item[] {
  const thumbprint = keyThumbprint(key)
  const size = key.kind === 'ec' ? key.curve : key.kind === 'rsa' ? `${key.modulusBits} bits` : ''
  const { algorithm, kid } = key
  return [
    { name: 'type', value: `${key.kind} ${size}`.trim() },
    ...(algorithm === undefined
      ? []
      : [{ name: 'alg', value: algorithmName(algorithm) ?? String(algorithm) }]),
    { name: 'thumbprint', value: encodeHex(thumbprint), note: 'RFC 9679, SHA-256' },
    ...(kid === undefined
      ? []
      : [
          equalBytes(kid, thumbprint)
            ? { name: 'kid', value: 'the thumbprint' }
            : { name: 'kid', value: bytesText(kid), note: 'not the thumbprint' },
        ]),
    { name: 'COSE_Key', value: encodeBase64url(encodeCoseKey(key)), note: 'base64url' },
  ]
}

/** PEM text: certificates, public keys, and the public part of private keys. */
export function inspectPem(text: string): Inspection {
  const blocks = text.match(/-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g) ?? []
  const items = blocks.map((block, index) => pemItem(`block ${index + 1}`, block))
  return { kind: `PEM with ${blocks.length} block${blocks.length === 1 ? '' : 's'}`, items }
}

function pemItem(name: string, block: string): Item {
  const label = /^-----BEGIN ([^-]+)-----/.exec(block)?.[1] ?? ''
  try {
    if (label === 'CERTIFICATE') {
      return { ...certificateItem(name, new X509Certificate(block).raw), note: 'certificate' }
    }
    if (label.endsWith('PUBLIC KEY')) return keyItem(name, 'public key', createPublicKey(block))
    if (label.endsWith('PRIVATE KEY')) {
      const key = createPublicKey(createPrivateKey(block))
      return keyItem(name, 'PRIVATE KEY; only its public part is shown', key)
    }
    return { name, value: label, note: 'not shown' }
  } catch (error) {
    return { name, value: label, note: `does not parse: ${(error as Error).message}` }
  }
}

function keyItem(name: string, note: string, key: KeyObject): Item {
  const der = new Uint8Array(key.export({ format: 'der', type: 'spki' }))
  return { name, note, items: publicKeyItems(publicKeyFromSpki(der)) }
}
