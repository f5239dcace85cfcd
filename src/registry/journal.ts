/**
 * The registration journal (design D5): statements by the registrar key that commit to the tree when
 * each entry was registered, and what it was admitted with. Ranges follow each other without a gap
 * and are cut where an entry would grow too large. Journals are admitted and appended like any other
 * statement; what only journals are left uncovered needs none. Several nodes write them in turn: each
 * goes on after the last one in the tree, and the log takes none that does not follow the last one.
 * When to write is `app/`'s affair.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { Signer } from '../cose/signer.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { assertInvariant, UnavailableError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { REGISTRATION_JOURNAL_MEDIA_TYPE } from '../payload/media-types.ts'
import {
  encodeRegistrationJournal,
  parseRegistrationJournal,
} from '../policy/registration-journal.ts'
import type { RegistrationJournal } from '../policy/registration-journal.ts'
import { signStatement } from '../statement/sign-statement.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { JournalDraft } from './journal-draft.ts'
import type { RegistryLog, RegistryPorts } from './ports.ts'
import { admitAndAppend } from './register.ts'

/** The log itself, also where less of it is served: a journal covers what is in the tree. */
export type JournalLog = RegistryLog &
  Pick<Log, 'entryCollateral' | 'listGovernance' | 'findLastGovernance' | 'firstHeadCovering'>

export interface JournalOptions {
  readonly ports: Omit<RegistryPorts, 'log'> & { readonly log: JournalLog }
  /** The registrar key. */
  readonly signer: Signer
}

/** What a call of `write` came to. */
export interface JournalOutcome {
  /** Index of the journals that were appended. */
  readonly appended: readonly number[]
  /** False while the policy in force does not name our key: nothing can be appended then. */
  readonly isRegistrar: boolean
}

/** Sizes of the log that are read at a time. */
const HEADS_PAGE = 4096

export class JournalWriter {
  readonly #options: JournalOptions
  /** The last journal in the tree, and the first entry that no journal covers. */
  #last: LeafIndex | undefined
  #next = 0
  #own: LeafIndex | undefined
  #running: Promise<unknown> = Promise.resolve()

  private constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Goes on where the last journal of the log ends. */
  static async open(options: JournalOptions): Promise<JournalWriter> {
    const writer = new JournalWriter(options)
    await writer.#resume()
    return writer
  }

  /** True when the policy in force lets our key write journals. */
  get isRegistrar(): boolean {
    const { registrarKeys = [] } = this.#options.ports.rules().policy
    return registrarKeys.some(({ spki }) => equalBytes(spki, this.#options.signer.publicKey.spki))
  }

  /**
   * Appends journals until they cover every entry that was there when it was called and needs one;
   * what arrives meanwhile waits for the next call. Calls follow one another.
   * @param restSeconds when another node wrote a journal less than this ago, that one is enough.
   * @throws UnavailableError when the log takes none now; nothing is lost, and the next call goes on.
   * @throws PolicyError when the policy was changed in the same moment.
   */
  write(restSeconds = 0): Promise<JournalOutcome> {
    const written = this.#running.then(() => this.#write(restSeconds))
    this.#running = written.catch(() => undefined)
    return written
  }

  async #write(restSeconds: number): Promise<JournalOutcome> {
    const appended: number[] = []
    const { treeSize } = this.#options.ports.log.currentHead().treeHead
    await this.#resume()
    if (await this.#isWrittenElsewhere(restSeconds)) {
      return { appended, isRegistrar: this.isRegistrar }
    }
    while (this.isRegistrar && this.#next < treeSize && (await this.#isDue())) {
      const journal = await this.#draft()
      const leafIndex = await this.#append(journal)
      // Another node covers the same entries: the rest of it is for the next call.
      if (leafIndex === undefined) break
      appended.push(leafIndex)
      this.#last = leafIndex
      this.#own = leafIndex
      this.#next = journal.to
    }
    return { appended, isRegistrar: this.isRegistrar }
  }

  /** Takes up what the tree says. */
  async #resume(): Promise<void> {
    const { log, sha256 } = this.#options.ports
    const last = await log.findLastGovernance('journal')
    if (last === undefined || last === this.#last) return
    const { payload } = parseSignedStatement(await log.readEntry(last), { sha256 }).message
    assertInvariant(payload !== null, `entry ${last} is no journal`)
    this.#next = parseRegistrationJournal(payload).to
    this.#last = last
  }

  async #isWrittenElsewhere(restSeconds: number): Promise<boolean> {
    if (this.#last === undefined || this.#last === this.#own || restSeconds === 0) return false
    const { log, clock } = this.#options.ports
    const head = await log.firstHeadCovering(this.#last)
    return head !== undefined && clock.now() - head.registrationTime < restSeconds
  }

  async #isDue(): Promise<boolean> {
    const { log } = this.#options.ports
    const { treeSize } = log.currentHead().treeHead
    const journals = await log.listGovernance('journal', this.#next)
    const below = journals.filter((index) => index < treeSize)
    return treeSize - this.#next > below.length
  }

  async #draft(): Promise<RegistrationJournal> {
    const { log } = this.#options.ports
    const { treeSize } = log.currentHead().treeHead
    const draft = new JournalDraft(this.#next)
    for (let after = this.#next; after < treeSize; after += HEADS_PAGE) {
      const heads = await log.signedHeads(after, Math.min(after + HEADS_PAGE, treeSize))
      for (const { treeHead, registrationTime } of heads) {
        const collateral = await log.entryCollateral(draft.to, treeHead.treeSize)
        draft.add({ to: treeHead.treeSize, registrationTime, collateral })
        if (draft.isFull) return draft.finish()
      }
    }
    return draft.finish()
  }

  /** Undefined when another journal came first. */
  async #append(journal: RegistrationJournal): Promise<LeafIndex | undefined> {
    const { ports, signer } = this.#options
    const bytes = await signStatement({
      payload: encodeRegistrationJournal(journal),
      issuer: ports.issuer,
      subject: ports.origin,
      contentType: REGISTRATION_JOURNAL_MEDIA_TYPE,
      signer,
      issuedAt: ports.clock.now(),
    })
    const statement = parseSignedStatement(bytes, ports)
    const follows = this.#last ?? 'none'
    try {
      return (await admitAndAppend({ statement, follows }, ports)).leafIndex
    } catch (error) {
      if (error instanceof UnavailableError && error.code === 'ERR_JOURNAL_MOVED') return undefined
      throw error
    }
  }
}
