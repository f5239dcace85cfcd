/**
 * Signatures by a TPM's attestation key: TPMT_SIGNATURE (TCG TPM 2.0 Library Part 2, §11.3.4) with
 * RSASSA, RSAPSS or ECDSA, and the plain forms that tools write: a bare RSA signature, DER for ECDSA,
 * both with SHA-256. SHA-1 is refused.
 */
import { concatBytes } from '../../bytes/bytes.ts'
import { signatureLength } from '../../cose/algorithms.ts'
import { InputError } from '../../errors.ts'
import { TAG } from '../../x509/der.ts'
import { ecdsaRawSignature } from '../../x509/signature-algorithm.ts'
import type { HashName, SignatureScheme } from '../../x509/signature-verifier.ts'
import { type SpkiKey } from '../../x509/spki.ts'
import { curveBytes } from '../../x509/curves.ts'
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'
import { tpmHash, tpmHashBytes } from './tpm-attest.ts'

const RSASSA = 0x0014
const RSAPSS = 0x0016
const ECDSA = 0x0018

/** A signature and the schemes that it may be of; a TPM's PSS salt is of one of two lengths. */
export interface TpmSignature {
  readonly hash: HashName
  readonly schemes: readonly SignatureScheme[]
  readonly signature: Uint8Array
}

function malformed(message: string): EvidenceError {
  return new EvidenceError('malformed', `TPM signature: ${message}`)
}

/**
 * Parses a signature that `key` should have made.
 * @throws EvidenceError `truncated`, `malformed` or `unsupported`.
 */
export function parseTpmSignature(bytes: Uint8Array, key: SpkiKey): TpmSignature {
  switch (key.kind) {
    case 'rsa':
      return bytes.length === signatureLength(key)
        ? { hash: 'SHA-256', schemes: [{ kind: 'rsa-pkcs1', hash: 'SHA-256' }], signature: bytes }
        : parseTagged(bytes, key)
    case 'ec':
      return bytes[0] === TAG.sequence ? parseDer(bytes, key) : parseTagged(bytes, key)
    case 'ed25519':
      throw new EvidenceError('unsupported', 'no TPM signs with Ed25519')
  }
}

function parseDer(bytes: Uint8Array, key: Extract<SpkiKey, { kind: 'ec' }>): TpmSignature {
  const hash = 'SHA-256'
  try {
    const signature = ecdsaRawSignature(bytes, key.curve)
    return { hash, schemes: [{ kind: 'ecdsa', curve: key.curve, hash }], signature }
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message)
  }
}

function parseTagged(bytes: Uint8Array, key: SpkiKey): TpmSignature {
  const reader = new ByteReader(bytes, 'TPM signature')
  const algorithm = reader.u16be()
  const hash = tpmHash(reader.u16be())
  if (hash === undefined || hash === 'SHA-1') {
    throw new EvidenceError('unsupported', 'a TPM signature over SHA-1 or an unknown hash')
  }
  const parts = algorithm === ECDSA ? 2 : 1
  const contents: Uint8Array[] = []
  for (let i = 0; i < parts; i++) contents.push(reader.take(reader.u16be()))
  reader.end()
  if (algorithm === ECDSA && key.kind === 'ec') {
    const size = curveBytes(key.curve)
    const signature = concatBytes(...contents.map((half) => pad(half, size)))
    return { hash, schemes: [{ kind: 'ecdsa', curve: key.curve, hash }], signature }
  }
  if (key.kind !== 'rsa' || (algorithm !== RSASSA && algorithm !== RSAPSS)) {
    throw new EvidenceError('unsupported', 'a TPM signature of another kind than the key')
  }
  const signature = contents[0]!
  if (signature.length !== signatureLength(key)) throw malformed('not of the length of the key')
  return { hash, schemes: rsaSchemes(algorithm, hash, key.modulusBits), signature }
}

function rsaSchemes(algorithm: number, hash: HashName, modulusBits: number): SignatureScheme[] {
  if (algorithm === RSASSA) return [{ kind: 'rsa-pkcs1', hash }]
  const size = tpmHashBytes(hash)
  const largest = Math.ceil((modulusBits - 1) / 8) - size - 2
  return [size, largest].map((saltLength) => ({ kind: 'rsa-pss', hash, saltLength }))
}

function pad(half: Uint8Array, size: number): Uint8Array {
  const zeros = Math.max(0, half.length - size)
  const digits = half.subarray(zeros)
  if (half.subarray(0, zeros).some((byte) => byte !== 0)) throw malformed('an integer too long')
  return concatBytes(new Uint8Array(size - digits.length), digits)
}
