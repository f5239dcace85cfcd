/** A guard in memory, for tests: it outlives the logs that use it and nothing else. */
import { equalBytes } from '../../bytes/bytes.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { StartError } from '../../errors.ts'
import { isBroughtByAnother } from '../../log/guard.ts'
import type { Guard } from '../../log/guard.ts'

export class MemoryGuard implements Guard {
  readonly shared?: true
  #head: SignedTreeHead | undefined

  /** @param options `shared` when several logs use it. */
  constructor(options: { readonly shared?: true } = {}) {
    if (options.shared) this.shared = true
  }

  async read(): Promise<SignedTreeHead | undefined> {
    return this.#head
  }

  async advance(from: SignedTreeHead, to: SignedTreeHead): Promise<SignedTreeHead> {
    const held = this.#head
    if (held === undefined || !equalBytes(held.bytes, from.bytes)) {
      if (this.shared && held !== undefined && isBroughtByAnother(held, to)) return held
      throw new StartError('ERR_GUARD_FORK', 'the guard holds another head: somebody else signs')
    }
    this.#head = to
    return to
  }

  async create(head: SignedTreeHead): Promise<void> {
    if (this.#head !== undefined) throw new StartError('ERR_LOG_EXISTS', 'there is a guard already')
    this.#head = head
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
