/**
 * Recognises what a file is: TEE evidence, results and reference values, PEM, JSON (trust file), C2SP notes, COSE_Sign1,
 * COSE_Key, COSE_KeySet, JWK, a lone DER certificate, other CBOR. When nothing fits it shows the beginning and the
 * reason; it never fails.
 */
import { decodeUtf8 } from '../../bytes/bytes.ts'
import { decodeCbor } from '../../cbor/decode.ts'
import type { TrustPolicy } from '../../verify/trust-policy.ts'
import { parseTrustPolicy } from '../../verify/trust-policy.ts'
import { anchorName, anchorPatterns, fingerprint } from '../trust-text.ts'
import { bytesText, cborItem } from './cbor-text.ts'
import { inspectCorim } from './corim.ts'
import { inspectEar } from './ear.ts'
import { inspectEvidence } from './evidence.ts'
import { certificateItem } from './headers.ts'
import type { Inspection, Item } from './item.ts'
import { inspectCoseKeys, inspectJwk, inspectPem, looksLikeCoseKey } from './keys.ts'
import { inspectNote } from './note.ts'
import { inspectSign1 } from './sign1.ts'
import { tryRead } from './try-read.ts'

/** What the bytes hold. Never throws for any input, and never trusts any. */
export function inspectBytes(bytes: Uint8Array): Inspection {
  if (bytes.length === 0) return { kind: 'empty', items: [] }
  const text = textOf(bytes)
  const evidence = inspectEvidence(bytes) ?? inspectEar(bytes) ?? inspectCorim(bytes)
  if (evidence !== undefined) return evidence
  // JSON first: collateral and bundles hold PEM in strings, with other line ends.
  if (text !== undefined && /^\s*[{[]/.test(text)) return inspectJson(bytes, text)
  if (text?.includes('-----BEGIN ') === true) return inspectPem(text)
  const note = text === undefined ? undefined : inspectNote(text)
  if (note !== undefined) return note
  try {
    return inspectSign1(bytes)
  } catch (notSign1) {
    return inspectOther(bytes, notSign1 as Error)
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes)
  } catch {
    return undefined
  }
}

function inspectOther(bytes: Uint8Array, notSign1: Error): Inspection {
  if (bytes[0] === 0x30) {
    const item = certificateItem('certificate', bytes)
    if (item.note !== 'not a certificate') return { kind: 'X.509 certificate', items: [item] }
  }
  try {
    const value = decodeCbor(bytes)
    const members = Array.isArray(value) ? value : [value]
    if (members.length > 0 && members.every(looksLikeCoseKey)) return inspectCoseKeys(value)
    // Keep the reason visible: a broken COSE_Sign1 should not look like "just CBOR".
    const because = { name: 'not a COSE_Sign1', value: notSign1.message }
    return { kind: 'CBOR', items: [because, cborItem('value', value)] }
  } catch (error) {
    return {
      kind: 'unknown',
      items: [
        { name: 'not readable', value: (error as Error).message },
        { name: 'begins', value: bytesText(bytes.subarray(0, 64)) },
      ],
    }
  }
}

function inspectJson(bytes: Uint8Array, text: string): Inspection {
  let trust: TrustPolicy
  try {
    trust = parseTrustPolicy(bytes)
  } catch (error) {
    const isTrust = text.includes('"logs"') && text.includes('"issuers"')
    const note = isTrust ? [{ name: 'not a trust file', value: (error as Error).message }] : []
    return (
      tryRead(() => inspectJwk(bytes)) ?? { kind: 'JSON text', items: [...note, beginningOf(text)] }
    )
  }
  return { kind: 'trust file', items: trustItems(trust) }
}

/** PEM in a string, and the private members of JWKs (RFC 7518 §6.2.2, §6.3.2, §6.4.1). */
const PRIVATE = /PRIVATE KEY|"(?:d|k|p|q|dp|dq|qi)"\s*:/

function beginningOf(text: string): Item {
  const hidden = 'not shown: it may hold a private key'
  return { name: 'begins', value: PRIVATE.test(text) ? hidden : text.slice(0, 200) }
}

function trustItems(trust: TrustPolicy): Item[] {
  const logs = trust.logs.map((log): Item => {
    const keys = log.keys.map((key) => ({ name: 'key', value: fingerprint(key) }))
    const origin = log.origin === undefined ? [] : [{ name: 'origin', value: log.origin }]
    const profile = { name: 'profile', value: log.profile }
    return { name: 'log', value: log.issuer, items: [...origin, profile, ...keys] }
  })
  const issuers = trust.issuers.map((anchor): Item => {
    const note = `may speak for ${anchorPatterns(anchor)}`
    return { name: 'issuer anchor', value: anchorName(anchor), note }
  })
  return [...logs, ...issuers]
}
