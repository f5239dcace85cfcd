/**
 * Which Registration Policy an entry was admitted under: the last one below it. Policies are few; the
 * log knows where they are.
 */
import type { LeafIndex } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { LogStore } from '../log/store.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

/** Policies that are kept parsed. */
const PARSED_MAX = 8

export class PolicyHistory {
  readonly #log: Pick<LogStore, 'readEntries' | 'listGovernance'>
  readonly #indexes: LeafIndex[] = []
  readonly #parsed = new Map<LeafIndex, RegistrationPolicy | undefined>()

  constructor(log: Pick<LogStore, 'readEntries' | 'listGovernance'>) {
    this.#log = log
  }

  /** Learns of policies that are stored by now. */
  async refresh(): Promise<void> {
    const next = (this.#indexes.at(-1) ?? -1) + 1
    this.#indexes.push(...(await this.#log.listGovernance('policy', next)))
  }

  /** The policy for the entry `leafIndex`; undefined before the first one. */
  async at(leafIndex: number): Promise<RegistrationPolicy | undefined> {
    const index = this.#indexes.findLast((each) => each < leafIndex)
    if (index === undefined) return undefined
    if (!this.#parsed.has(index)) {
      const [oldest] = this.#parsed.keys()
      if (this.#parsed.size >= PARSED_MAX) this.#parsed.delete(oldest!)
      this.#parsed.set(index, await this.#parse(index))
    }
    return this.#parsed.get(index)
  }

  /** A document that is no policy decides nothing; the log was not admitted by these rules then. */
  async #parse(index: LeafIndex): Promise<RegistrationPolicy | undefined> {
    const [stored] = await this.#log.readEntries(index, 1)
    try {
      const { payload } = parseSignedStatement(stored?.entry ?? new Uint8Array(0)).message
      return payload === null ? undefined : parseRegistrationPolicy(payload)
    } catch (error) {
      if (error instanceof InputError) return undefined
      throw error
    }
  }
}
