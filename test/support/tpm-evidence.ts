/** TPM quotes, Azure HCL reports and firmware event logs by fakes. */
import { constants, createHash, sign } from 'node:crypto'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { publicKeyToJwk } from '../../src/cose/jwk.ts'
import { publicKeyFromSpki, type PublicKey } from '../../src/cose/public-key.ts'
import type { PcrBanks } from '../../src/payload/tee/verify-tpm.ts'
import { generateTestKeys, type TestKeyAlgorithm } from './test-pki.ts'

export type Keys = ReturnType<typeof generateTestKeys>

export function u16(value: number): Uint8Array {
  return Uint8Array.of(Math.floor(value / 256), value % 256)
}
export function u32(value: number): Uint8Array {
  return concatBytes(u16(Math.floor(value / 65536)), u16(value % 65536))
}
export function u32le(value: number): Uint8Array {
  return u32(value).reverse()
}
export function u16le(value: number): Uint8Array {
  return u16(value).reverse()
}
const sized = (bytes: Uint8Array): Uint8Array => concatBytes(u16(bytes.length), bytes)

export function attestationKeys(algorithm: TestKeyAlgorithm): Keys & { readonly key: PublicKey } {
  const keys = generateTestKeys(algorithm)
  const spki = keys.publicKey.export({ format: 'der', type: 'spki' })
  return { ...keys, key: publicKeyFromSpki(new Uint8Array(spki)) }
}

export const PCR_VALUES: ReadonlyMap<number, Uint8Array> = new Map(
  Array.from({ length: 24 }, (_, i) => [i, new Uint8Array(32).fill(i < 10 ? i + 1 : 0)]),
)
export const BANKS: PcrBanks = { 'SHA-256': PCR_VALUES }

export interface QuoteParts {
  readonly magic?: number
  readonly type?: number
  readonly extraData?: Uint8Array
  readonly select?: readonly number[]
  readonly bank?: number
  readonly pcrDigest?: Uint8Array
  readonly tail?: Uint8Array
}

/** TPMS_ATTEST over PCR_VALUES, by default of registers 0 to 23 in SHA-256. */
export function makeQuote(parts: QuoteParts = {}): Uint8Array {
  const select = parts.select ?? [0xff, 0xff, 0xff]
  const chosen = [...PCR_VALUES].filter(
    ([index]) => Math.floor((select[Math.floor(index / 8)] ?? 0) / 2 ** (index % 8)) % 2 === 1,
  )
  const digest = parts.pcrDigest ?? sha256(concatBytes(...chosen.map(([, value]) => value)))
  return concatBytes(
    u32(parts.magic ?? 0xff544347),
    u16(parts.type ?? 0x8018),
    sized(concatBytes(u16(0x0b), new Uint8Array(32).fill(1))),
    sized(parts.extraData ?? encodeUtf8('challenge')),
    new Uint8Array(8),
    u32(3),
    u32(4),
    Uint8Array.of(1),
    new Uint8Array(8).fill(9), // prettier-ignore
    u32(1),
    u16(parts.bank ?? 0x0b),
    Uint8Array.of(select.length),
    Uint8Array.from(select), // prettier-ignore
    sized(digest),
    parts.tail ?? new Uint8Array(0),
  )
}

export type SignatureForm = 'rsassa' | 'rsapss' | 'rsapss-max' | 'ecdsa' | 'plain' | 'der'

/** A signature in the form that a TPM, or a tool, writes. */
export function signQuote(quote: Uint8Array, keys: Keys, form: SignatureForm): Uint8Array {
  const { privateKey: key } = keys
  const rsa = (options: object): Uint8Array =>
    new Uint8Array(sign('sha256', quote, { key, ...options }))
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING }
  switch (form) {
    case 'plain':
    case 'der':
      return rsa({})
    case 'rsassa':
      return concatBytes(u16(0x14), u16(0x0b), sized(rsa({})))
    case 'rsapss':
      return concatBytes(u16(0x16), u16(0x0b), sized(rsa({ ...pss, saltLength: 32 })))
    case 'rsapss-max': {
      const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN
      return concatBytes(u16(0x16), u16(0x0b), sized(rsa({ ...pss, saltLength })))
    }
    case 'ecdsa': {
      const raw = new Uint8Array(sign('sha256', quote, { key, dsaEncoding: 'ieee-p1363' }))
      const half = raw.length / 2
      return concatBytes(
        u16(0x18),
        u16(0x0b),
        sized(raw.subarray(0, half)),
        sized(raw.subarray(half)),
      )
    }
  }
}

export interface HclOptions {
  readonly type?: number
  readonly hash?: number
  readonly runtimeData?: Uint8Array
  readonly signature?: number
}

/** Runtime JSON as Azure's paravisor writes it. */
export function runtimeJson(key: PublicKey, kid = 'HCLAkPub'): Uint8Array {
  const jwk = { kid, key_ops: ['sign'], ...publicKeyToJwk(key) }
  return encodeUtf8(JSON.stringify({ keys: [jwk], 'user-data': '00'.repeat(64) }))
}

/** An HCL report around a hardware report; the data's digest must be in the hardware's report data. */
export function makeHclReport(
  hardwareReport: Uint8Array,
  runtimeData: Uint8Array,
  options: HclOptions = {},
): Uint8Array {
  const area = new Uint8Array(0x4a0)
  area.set(hardwareReport)
  return concatBytes(
    u32(options.signature ?? 0x48434c41),
    new Uint8Array(28),
    area,
    u32le(20 + runtimeData.length),
    u32le(1),
    u32le(options.type ?? 2),
    u32le(options.hash ?? 1),
    u32le(runtimeData.length),
    runtimeData,
    new Uint8Array(100),
  )
}

export interface LogEvent {
  readonly register: number
  readonly type?: number
  readonly data?: Uint8Array
  /** Data that is hashed, where it is not `data`. */
  readonly measured?: Uint8Array
  readonly algorithms?: readonly ('sha256' | 'sha384')[]
}

const ALGORITHMS = { sha256: [0x0b, 32], sha384: [0x0c, 48] } as const

/** A crypto-agile log. */
export function makeEventLog(
  events: readonly LogEvent[],
  algorithms: readonly ('sha256' | 'sha384')[] = ['sha256', 'sha384'],
): Uint8Array {
  const specId = concatBytes(
    encodeUtf8('Spec ID Event03\0'),
    new Uint8Array(4),
    Uint8Array.of(0, 2, 0, 2), // prettier-ignore
    u32le(algorithms.length),
    ...algorithms.map((name) => concatBytes(...ALGORITHMS[name].map(u16le))),
    Uint8Array.of(0),
  )
  const header = concatBytes(u32le(0), u32le(3), new Uint8Array(20), u32le(specId.length), specId)
  const rows = events.map(({ register, type = 0x80000001, data = encodeUtf8('x'), ...event }) => {
    const own = event.algorithms ?? algorithms
    const digests = own.map((name) =>
      concatBytes(
        u16le(ALGORITHMS[name][0]),
        type === 3 ? new Uint8Array(ALGORITHMS[name][1]) : hash(name, event.measured ?? data),
      ),
    )
    return concatBytes(
      u32le(register),
      u32le(type),
      u32le(own.length),
      ...digests,
      u32le(data.length),
      data, // prettier-ignore
    )
  })
  return concatBytes(header, ...rows)
}

export function hash(name: 'sha256' | 'sha384', data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(name).update(data).digest())
}

/** The register after these events, by another implementation. */
export function extend(
  name: 'sha256' | 'sha384',
  data: readonly Uint8Array[],
  start = 0,
): Uint8Array {
  const zeros = new Uint8Array(ALGORITHMS[name][1])
  zeros[zeros.length - 1] = start
  return data.reduce((value, item) => hash(name, concatBytes(value, hash(name, item))), zeros)
}
