/**
 * Payloads of hash envelopes (design D1): taken by digest, served to anybody, and read by admission
 * where one is at hand. A known submitter may store anything; anybody may store what a registered
 * entry names, because its issuer vouched for the digest (ADR 0022).
 */
import { concatBytes, equalBytes } from '../bytes/bytes.ts'
import type { DigestName, StreamingDigest } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { assertInvariant, NotFoundError, VerificationError } from '../errors.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import type { PayloadPorts, RegistryPorts, Submitter } from './ports.ts'

/** An upload that was let in: pieces go in as they arrive, and nothing is stored before the end. */
export class PayloadUpload {
  readonly #name: PayloadName
  readonly #payloads: PayloadPorts
  readonly #storedAt: () => number
  readonly #digests: readonly StreamingDigest[]
  readonly #pieces: Uint8Array[] = []

  constructor(name: PayloadName, payloads: PayloadPorts, storedAt: () => number) {
    this.#name = name
    this.#payloads = payloads
    this.#storedAt = storedAt
    const algorithms = new Set<DigestName>(['SHA-256', name.algorithm])
    this.#digests = [...algorithms].map((algorithm) => payloads.startDigest(algorithm))
  }

  write(piece: Uint8Array): void {
    for (const digest of this.#digests) digest.update(piece)
    this.#pieces.push(piece)
  }

  /**
   * Stores the whole, if it is what the name says.
   * @returns false when it was there already.
   * @throws VerificationError `ERR_PAYLOAD_MISMATCH`.
   * @throws NotFoundError `ERR_PAYLOAD_PRUNED`.
   * @throws UnavailableError `ERR_STORE_BUSY`.
   */
  async finish(): Promise<boolean> {
    const [sha256, other] = this.#digests.map((digest) => digest.finish())
    const name = formatPayloadName(this.#name)
    if (!equalBytes(other ?? sha256!, this.#name.digest)) {
      throw new VerificationError('ERR_PAYLOAD_MISMATCH', `the content is not that of ${name}`)
    }
    const { store, onStored } = this.#payloads
    const isNewName = !(await store.has(this.#name))
    const answer = await store.put({
      ...{ name: this.#name, sha256: sha256!, storedAt: this.#storedAt() },
      bytes: concatBytes(...this.#pieces),
    })
    if (answer === 'pruned') throw pruned(name)
    // Entries name content by any of its digests, and wait for it by that one.
    if (isNewName) onStored(name)
    if (answer === 'stored' && other !== undefined) {
      onStored(formatPayloadName({ algorithm: 'SHA-256', digest: sha256! }))
    }
    return answer === 'stored'
  }
}

/**
 * Lets an upload in, before its body is read.
 * @throws VerificationError `ERR_TOKEN_MISSING` when nobody is known to submit it and no entry names it.
 * @throws NotFoundError `ERR_PAYLOAD_UNKNOWN` where the registry keeps no payloads.
 */
export async function beginUpload(
  name: PayloadName,
  submitter: Submitter | undefined,
  { payloads, index, clock, writes }: RegistryPorts,
): Promise<PayloadUpload> {
  if (payloads === undefined) throw keepsNone()
  const refusal = writes?.refusal()
  if (refusal !== undefined) throw refusal
  const text = formatPayloadName(name)
  const isNamed = async (): Promise<boolean> =>
    payloads.named.has(text) || ((await index?.findEnvelopes(text)) ?? []).length > 0
  if (submitter === undefined && !(await isNamed())) {
    throw new VerificationError(
      'ERR_TOKEN_MISSING',
      'without a token, only content that a registered hash envelope names is taken: register it first',
    )
  }
  return new PayloadUpload(name, payloads, () => clock.now())
}

/**
 * Content by its digest.
 * @throws NotFoundError `ERR_PAYLOAD_UNKNOWN`, or `ERR_PAYLOAD_PRUNED` with the entry that says so.
 * @throws InvariantError when the stored bytes have another digest: they are not served.
 */
export async function readPayload(
  name: PayloadName,
  { payloads }: RegistryPorts,
): Promise<Uint8Array> {
  if (payloads === undefined) throw keepsNone()
  const found = await payloads.store.find(name)
  const text = formatPayloadName(name)
  if (found === undefined)
    throw new NotFoundError('ERR_PAYLOAD_UNKNOWN', `there is no ${text} here`)
  if (found.kind === 'pruned') throw pruned(text, found.entryId)
  assertContent(name, found.bytes, payloads)
  return found.bytes
}

/** Id of the entry by which content was deleted; `undefined` for content that is here, or never was. */
export async function findPruning(
  name: PayloadName,
  { store }: PayloadPorts,
): Promise<Uint8Array | undefined> {
  // Finding reads content that is here, whole.
  const found = (await store.has(name)) ? undefined : await store.find(name)
  return found?.kind === 'pruned' ? found.entryId : undefined
}

/** Content that a hash envelope names, where it is at hand. */
export async function findPreimage(
  name: PayloadName,
  payloads: PayloadPorts,
): Promise<Uint8Array | undefined> {
  const found = await payloads.store.find(name)
  if (found?.kind !== 'stored') return undefined
  assertContent(name, found.bytes, payloads)
  return found.bytes
}

function assertContent(name: PayloadName, bytes: Uint8Array, { startDigest }: PayloadPorts): void {
  const digest = startDigest(name.algorithm)
  digest.update(bytes)
  assertInvariant(
    equalBytes(digest.finish(), name.digest),
    `the stored payload ${formatPayloadName(name)} has another digest`,
  )
}

function keepsNone(): NotFoundError {
  return new NotFoundError('ERR_PAYLOAD_UNKNOWN', 'this service keeps no payloads')
}

function pruned(name: string, entryId?: Uint8Array): NotFoundError {
  const by = entryId === undefined ? '' : `; entry ${encodeHex(entryId)} says why`
  return new NotFoundError('ERR_PAYLOAD_PRUNED', `${name} was deleted by the operator${by}`)
}
