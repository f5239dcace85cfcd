/**
 * What a TPM 2.0 signs when it quotes: TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE, big-endian (TCG TPM 2.0
 * Library Part 2, §10.12; statements.md §5.5), and the algorithm numbers that go with it. Layout only.
 */
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'

const MAGIC = 0xff544347
const TYPE_QUOTE = 0x8018
const EXTRA_DATA_BYTES_MAX = 64
const NAME_BYTES_MAX = 66
const SELECTIONS_MAX = 16
const SELECT_BYTES_MAX = 4
const DIGEST_BYTES_MAX = 64

/** TPM_ALG_ID of hashes, by name; SHA-1 only as a bank of registers. */
export type TpmHash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'
const HASHES = new Map<number, TpmHash>([
  [0x0004, 'SHA-1'],
  [0x000b, 'SHA-256'],
  [0x000c, 'SHA-384'],
  [0x000d, 'SHA-512'],
])
const HASH_BYTES: Readonly<Record<TpmHash, number>> = {
  'SHA-1': 20,
  'SHA-256': 32,
  'SHA-384': 48,
  'SHA-512': 64,
}

/** The hash of a TPM_ALG_ID, or `undefined`. */
export function tpmHash(id: number): TpmHash | undefined {
  return HASHES.get(id)
}

/** Length in bytes of a digest. */
export function tpmHashBytes(hash: TpmHash): number {
  return HASH_BYTES[hash]
}

/** The hash whose digests have this length, or `undefined`. */
export function tpmHashOfLength(bytes: number): TpmHash | undefined {
  return [...HASHES.values()].find((hash) => HASH_BYTES[hash] === bytes)
}

/** Registers of one bank that were quoted, in their order. */
export interface PcrSelection {
  readonly hash: TpmHash
  readonly indexes: readonly number[]
}

/** A parsed quote. */
export interface TpmAttest {
  readonly qualifiedSigner: Uint8Array
  /** What the caller of the TPM chose: at most 64 bytes. */
  readonly extraData: Uint8Array
  /** How often the TPM was reset, and restarted or resumed since; says nothing about the date. */
  readonly resetCount: number
  readonly restartCount: number
  readonly firmwareVersion: Uint8Array
  readonly selections: readonly PcrSelection[]
  readonly pcrDigest: Uint8Array
}

function sized(reader: ByteReader, max: number, what: string): Uint8Array {
  const length = reader.u16be()
  if (length > max) throw new EvidenceError('malformed', `${what} of ${length} bytes`)
  return reader.take(length)
}

function readSelection(reader: ByteReader): PcrSelection {
  const hash = tpmHash(reader.u16be())
  if (hash === undefined) throw new EvidenceError('unsupported', 'registers of another hash')
  const length = reader.u8()
  if (length > SELECT_BYTES_MAX) throw new EvidenceError('malformed', 'a selection too long')
  const indexes: number[] = []
  for (const [at, byte] of reader.take(length).entries()) {
    for (let bit = 0; bit < 8; bit++) {
      if (Math.floor(byte / 2 ** bit) % 2 === 1) indexes.push(8 * at + bit)
    }
  }
  return { hash, indexes }
}

/**
 * Parses a quote.
 * @throws EvidenceError `truncated`, `malformed` or `unsupported`.
 */
export function parseTpmAttest(bytes: Uint8Array): TpmAttest {
  const reader = new ByteReader(bytes, 'TPM quote')
  if (reader.u32be() !== MAGIC) throw new EvidenceError('malformed', 'not made by a TPM')
  if (reader.u16be() !== TYPE_QUOTE) {
    throw new EvidenceError('unsupported', 'a TPM structure that is not a quote')
  }
  const qualifiedSigner = sized(reader, NAME_BYTES_MAX, 'a signer name')
  const extraData = sized(reader, EXTRA_DATA_BYTES_MAX, 'extra data')
  reader.take(8) // clock
  const resetCount = reader.u32be()
  const restartCount = reader.u32be()
  reader.take(1) // safe
  const firmwareVersion = reader.take(8)
  const count = reader.u32be()
  if (count > SELECTIONS_MAX) throw new EvidenceError('malformed', `${count} register selections`)
  const selections: PcrSelection[] = []
  for (let i = 0; i < count; i++) selections.push(readSelection(reader))
  const pcrDigest = sized(reader, DIGEST_BYTES_MAX, 'a digest')
  reader.end()
  return {
    qualifiedSigner,
    extraData,
    resetCount,
    restartCount,
    firmwareVersion,
    selections,
    pcrDigest,
  }
}
