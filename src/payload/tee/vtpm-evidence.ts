/**
 * TPM evidence in the JSON that Confidential Containers' attesters write: a quote with its registers,
 * and beside it either the Azure HCL report (with the VCEK, or with a TD quote) or the public
 * attestation key. Three spellings of the bytes exist: lists of numbers, base64 and hex.
 */
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { encodeUtf8 } from '../../bytes/bytes.ts'
import { publicKeyFromSpki, type PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { asObject, type JsonObject } from '../json-members.ts'
import { readCertificates } from './certificate-chain.ts'
import { EvidenceError } from './evidence.ts'
import { bytesFromBase64, bytesFromHex, bytesFromNumbers } from './foreign-text.ts'
import { tpmHashOfLength } from './tpm-attest.ts'
import type { PcrBanks } from './verify-tpm.ts'

const PCRS_MAX = 32

/** The parts of the evidence. Nothing in it is verified. */
export interface VtpmEvidence {
  readonly quote: Uint8Array
  readonly signature: Uint8Array
  readonly pcrs: PcrBanks
  readonly hclReport?: Uint8Array
  /** The VCEK, for an HCL report with an SNP report. */
  readonly certificates: readonly Certificate[]
  /** The TD quote, for an HCL report with a TDREPORT. */
  readonly tdQuote?: Uint8Array
  /** The attestation key as the evidence gives it: a claim. */
  readonly claimedKey?: PublicKey
}

function malformed(message: string): EvidenceError {
  return new EvidenceError('malformed', `vTPM evidence: ${message}`)
}

function readBytes(value: unknown, what: string): Uint8Array {
  if (Array.isArray(value)) return bytesFromNumbers(value, what)
  const isHex = typeof value === 'string' && /^(?:[0-9A-Fa-f]{2})+$/.test(value)
  return isHex ? bytesFromHex(value, what) : bytesFromBase64(value, what)
}

function readObject(value: unknown, what: string): JsonObject {
  const object = asObject(value)
  if (object === undefined) throw malformed(`${what} is not an object`)
  return object
}

function readPcrs(value: unknown): PcrBanks {
  if (!Array.isArray(value) || value.length === 0 || value.length > PCRS_MAX) {
    throw malformed('no registers')
  }
  const values = value.map((item: unknown) => readBytes(item, 'a register'))
  const bank = tpmHashOfLength(values[0]!.length)
  if (bank === undefined || values.some(({ length }) => length !== values[0]!.length)) {
    throw malformed('registers of another length')
  }
  return { [bank]: new Map(values.map((content, index) => [index, content])) }
}

function readVcek(value: unknown): readonly Certificate[] {
  if (value === undefined) return []
  if (typeof value !== 'string') throw malformed('the VCEK is not a text')
  const isPem = value.startsWith('-----BEGIN')
  return readCertificates(isPem ? encodeUtf8(value) : bytesFromBase64(value, 'the VCEK'))
}

function readEvidence(bytes: Uint8Array): VtpmEvidence {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: 'vTPM evidence' } as const
  const json = readObject(parseStrictJson(bytes, context), 'the evidence')
  const tpm = readObject(json['tpm_quote'] ?? json['quote'], 'the quote')
  const report = json['hcl_report'] ?? json['report']
  const { td_quote: tdQuote, ak_public: key } = json
  return {
    quote: readBytes(tpm['message'], 'the quote'),
    signature: readBytes(tpm['signature'], 'the signature'),
    pcrs: readPcrs(tpm['pcrs']),
    ...(report === undefined ? {} : { hclReport: readBytes(report, 'the HCL report') }),
    certificates: readVcek(json['vcek']),
    ...(tdQuote === undefined ? {} : { tdQuote: readBytes(tdQuote, 'the TD quote') }),
    ...(key === undefined
      ? {}
      : { claimedKey: publicKeyFromSpki(bytesFromBase64(key, 'the attestation key')) }),
  }
}

/**
 * Parses the evidence.
 * @throws EvidenceError `malformed` or `chain-malformed`.
 */
export function parseVtpmEvidence(bytes: Uint8Array): VtpmEvidence {
  try {
    return readEvidence(bytes)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message)
  }
}
