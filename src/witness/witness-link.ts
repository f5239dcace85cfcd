/**
 * The log's side of one witness: the size that it holds, whether it is busy or to be left alone for
 * a while, and what its answers mean. A witness that holds more than we do, or shows a checkpoint of
 * ours that we never made, is evidence that this is not the only copy of the log: that is fatal, and
 * never retried.
 */
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import { InputError, NotFoundError, StartError, UnavailableError } from '../errors.ts'
import type { Clock } from '../log/clock.ts'
import type { WitnessedLog } from '../log/witness.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import type { NoteSignature } from '../note/signed-note.ts'
import type { PolicyWitness } from '../note/tlog-policy.ts'
import { encodeAddCheckpointRequest } from '../note/witness-messages.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { askWitness, fetchCosigned } from './witness-request.ts'
import type { WitnessAnswer, WitnessTransport } from './witness-request.ts'

/** What a link needs beside its witness. */
export interface LinkPorts extends WitnessTransport {
  readonly log: WitnessedLog
  readonly verifier: SignatureVerifier
  readonly clock: Clock
}

/** How far the clock of a witness may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 300
/** One request to learn the size, one that starts from it, one more if it moved meanwhile. */
const REQUESTS_MAX = 3

export class WitnessLink {
  readonly name: string
  readonly #url: string
  readonly #witness: PolicyWitness
  readonly #ports: LinkPorts
  // What the witness holds, as far as we know; 0 until it told us.
  #treeSize = 0n

  constructor(witness: PolicyWitness & { readonly url: string }, ports: LinkPorts) {
    this.name = witness.name
    this.#url = witness.url.replace(/\/+$/, '')
    this.#witness = witness
    this.#ports = ports
  }

  /**
   * The witness's cosignatures of the checkpoint; none when it has moved past it.
   * @throws StartError `ERR_WITNESS_AHEAD` | `ERR_WITNESS_FORK`: this log must not sign any more.
   * @throws InputError | VerificationError | UnavailableError when there is no usable answer.
   */
  async cosign(checkpoint: SignedCheckpoint): Promise<readonly NoteSignature[]> {
    for (let requests = 0; requests < REQUESTS_MAX; requests++) {
      if (this.#treeSize > checkpoint.treeSize) return []
      const answer = await this.#ask(checkpoint)
      if (answer.kind === 'cosigned') {
        this.#treeSize = checkpoint.treeSize
        return answer.signatures
      }
      if (answer.kind === 'inconsistent') {
        await this.#assertNoFork()
        this.#treeSize = 0n
        throw new InputError('ERR_RESPONSE', `the witness answered ${answer.status}`)
      }
      await this.#assertNotAhead(answer.treeSize, 'says')
      if (answer.treeSize === this.#treeSize) {
        throw new InputError('ERR_RESPONSE', 'the witness refuses the size that it named itself')
      }
      this.#treeSize = answer.treeSize
    }
    throw new UnavailableError('ERR_NETWORK', 'the witness names another size with each answer')
  }

  async #ask(checkpoint: SignedCheckpoint): Promise<WitnessAnswer> {
    const { verifier, clock } = this.#ports
    const treeSize1 = this.#treeSize
    const consistencyPath = await this.#pathTo(checkpoint.treeSize)
    return askWitness(
      {
        url: this.#url,
        body: encodeAddCheckpointRequest({ treeSize1, consistencyPath, checkpoint }),
        checkpoint,
        key: this.#witness.key,
        verifier,
        notAfter: clock.now() + CLOCK_SKEW_SECONDS,
      },
      this.#ports,
    )
  }

  async #pathTo(size: bigint): Promise<readonly Uint8Array[]> {
    const from = this.#treeSize
    if (from === 0n || from === size) return []
    try {
      return await this.#ports.log.consistencyPath(treeSize(Number(from)), treeSize(Number(size)))
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      // A size at which we never signed: somebody did, or the witness makes it up.
      this.#treeSize = 0n
      await this.#assertNoFork()
      throw new InputError(
        'ERR_RESPONSE',
        `the witness names the size ${from}, no head of this log`,
      )
    }
  }

  async #assertNotAhead(size: bigint, verb: string): Promise<void> {
    const { log } = this.#ports
    if (size > log.treeSize()) await log.look?.()
    // Not the size that was asked about: the log may have grown since.
    if (size <= log.treeSize()) return
    throw new StartError(
      'ERR_WITNESS_AHEAD',
      `the witness ${this.name} ${verb} that it has cosigned ${size} entries of ${log.origin}, ` +
        `and this copy of the log has ${log.treeSize()}: it is an older copy, or another one is ` +
        'being signed. Nothing is signed here any more. Find the newest copy and serve that one; ' +
        'if the witness is wrong, take it out of the witness policy and start again',
    )
  }

  /** Looks at the checkpoint that the witness publishes, if it does: our own signature convicts us. */
  async #assertNoFork(): Promise<void> {
    const { log } = this.#ports
    const published = await this.#fetchOwn()
    if (published === undefined) return
    await this.#assertNotAhead(published.treeSize, 'shows')
    const head = await log.headAt(treeSize(Number(published.treeSize)))
    if (head !== undefined && equalBytes(head.rootHash, published.rootHash)) return
    throw new StartError(
      'ERR_WITNESS_FORK',
      `the witness ${this.name} shows a checkpoint of ${published.treeSize} entries, signed with ` +
        `the key of ${log.origin}, that this log never made: there are two histories. Nothing is ` +
        'signed here any more. Keep both checkpoints and find out which copy was being served',
    )
  }

  async #fetchOwn(): Promise<SignedCheckpoint | undefined> {
    const { log } = this.#ports
    const path = encodeHex(sha256(encodeUtf8(log.origin)))
    try {
      const bytes = await fetchCosigned(`${this.#url}/${path}/checkpoint`, this.#ports)
      const checkpoint = parseCheckpoint(bytes)
      await log.verifyOwn(checkpoint)
      return checkpoint
    } catch {
      // No such endpoint, no answer, or nothing that we signed: no evidence.
      return undefined
    }
  }
}
