/** A guard in memory, for tests: it outlives the log that uses it and nothing else. */
import { equalBytes } from '../../bytes/bytes.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { StartError } from '../../errors.ts'
import type { Guard } from '../../log/guard.ts'

export class MemoryGuard implements Guard {
  #head: SignedTreeHead | undefined

  async read(): Promise<SignedTreeHead | undefined> {
    return this.#head
  }

  async advance(from: SignedTreeHead, to: SignedTreeHead): Promise<void> {
    if (this.#head === undefined || !equalBytes(this.#head.bytes, from.bytes)) {
      throw new StartError('ERR_GUARD_FORK', 'the guard holds another head: somebody else signs')
    }
    this.#head = to
  }

  async create(head: SignedTreeHead): Promise<void> {
    if (this.#head !== undefined) throw new StartError('ERR_LOG_EXISTS', 'there is a guard already')
    this.#head = head
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
