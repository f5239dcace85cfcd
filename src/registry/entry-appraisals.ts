/**
 * The registry's own appraisals, served (appraise-entry.ts): each is computed and signed once while it is
 * kept, and few at a time, so that whoever reads them never takes the room of registrations. Nothing here
 * is registered by itself.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { NotFoundError, UnavailableError } from '../errors.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import { appraiseEntry, readAdmittedEvidence, stateAppraisal } from './appraise-entry.ts'
import type { AdmittedEvidence } from './appraise-entry.ts'
import { ByteCache } from './byte-cache.ts'
import type { Registrar, RegistryPorts } from './ports.ts'
import { findEntryOrThrow } from './resolve-receipt.ts'

/** Appraisals that are under way at once: a fraction of the appraiser's queue. */
const APPRAISALS_MAX = 16
const CACHE_BYTES = 4 * 1024 * 1024
/** What an answer takes beside its text or bytes. */
const ANSWER_BYTES = 200
const RETRY_AFTER_SECONDS = 2
/** What an appraiser says that has no room or no time. */
const APPRAISER_CODES: ReadonlySet<string> = new Set(['ERR_QUEUE_FULL', 'ERR_TIMEOUT'])

/** The appraisal of an entry, or nothing yet because the entry's head is not signed. */
export type ReadAppraisal =
  { readonly status: 'registered'; readonly statement: Uint8Array } | { readonly status: 'pending' }

/** A signed appraisal, or why there is none; both follow from the log and stay. */
type Answer = { readonly statement: Uint8Array } | { readonly unsigned: string }

export class EntryAppraisals {
  readonly #ports: RegistryPorts
  readonly #answers = new ByteCache<Answer>(CACHE_BYTES, sizeOf)
  /** By entry id: whoever asks meanwhile gets the same. */
  readonly #underWay = new Map<string, Promise<Answer>>()
  #appraising = 0

  constructor(ports: RegistryPorts) {
    this.#ports = ports
  }

  /**
   * The signed appraisal of an entry.
   * @throws NotFoundError `ERR_ENTRY_UNKNOWN`; `ERR_REGISTRAR_UNKNOWN` where the policy in force names no
   * registrar key that is here; `ERR_EVIDENCE_UNKNOWN` for entries without evidence;
   * `ERR_EVIDENCE_UNVERIFIED` where the entry's policy had nothing verified, or nothing can be told.
   * @throws UnavailableError `ERR_APPRAISER_BUSY`.
   */
  async read(entryId: string): Promise<ReadAppraisal> {
    const registrar = this.#registrar()
    const { released, leafIndex } = await findEntryOrThrow(entryId, this.#ports)
    if (!released) return { status: 'pending' }
    const answer = this.#answers.get(entryId) ?? (await this.#once(entryId, leafIndex, registrar))
    if ('statement' in answer) return { status: 'registered', statement: answer.statement }
    throw new NotFoundError(
      'ERR_EVIDENCE_UNVERIFIED',
      `the evidence of entry ${entryId} cannot be appraised here as it was: ${answer.unsigned}`,
    )
  }

  /** The key, as long as the policy in force lets it speak for the registry. */
  #registrar(): Registrar {
    const { registrar, rules } = this.#ports
    const { registrarKeys = [] } = rules().policy
    const isNamed = registrarKeys.some(
      ({ spki }) => registrar !== undefined && equalBytes(spki, registrar.signer.publicKey.spki),
    )
    if (registrar !== undefined && isNamed) return registrar
    throw new NotFoundError(
      'ERR_REGISTRAR_UNKNOWN',
      'this log has no registrar key that signs here',
    )
  }

  #once(entryId: string, leafIndex: LeafIndex, registrar: Registrar): Promise<Answer> {
    const underWay = this.#underWay.get(entryId)
    if (underWay !== undefined) return underWay
    const answer = this.#answer(entryId, leafIndex, registrar).finally(() =>
      this.#underWay.delete(entryId),
    )
    this.#underWay.set(entryId, answer)
    return answer
  }

  async #answer(entryId: string, leafIndex: LeafIndex, registrar: Registrar): Promise<Answer> {
    const admitted = await readAdmittedEvidence(entryId, leafIndex, this.#ports)
    // Before what it refers to is read: a small entry may name megabytes.
    if (this.#appraising >= APPRAISALS_MAX) throw busy()
    this.#appraising += 1
    try {
      const answer = await this.#appraise(admitted, registrar)
      this.#answers.set(entryId, answer)
      return answer
    } finally {
      this.#appraising -= 1
    }
  }

  async #appraise(admitted: AdmittedEvidence, registrar: Registrar): Promise<Answer> {
    try {
      const appraised = await appraiseEntry(admitted, this.#ports)
      return { statement: await stateAppraisal(appraised, registrar, this.#ports) }
    } catch (error) {
      if (error instanceof EvidenceError) return { unsigned: `${error.reason}: ${error.message}` }
      // The words of these are about registrations.
      if (error instanceof UnavailableError && APPRAISER_CODES.has(error.code)) throw busy(error)
      throw error
    }
  }
}

function sizeOf(answer: Answer): number {
  return ANSWER_BYTES + ('statement' in answer ? answer.statement.length : answer.unsigned.length)
}

function busy(cause?: unknown): UnavailableError {
  return new UnavailableError('ERR_APPRAISER_BUSY', 'too much evidence waits to be appraised', {
    ...{ cause, retryAfterSeconds: RETRY_AFTER_SECONDS },
  })
}
