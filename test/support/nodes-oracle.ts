/** What clients of several nodes were told, and whether it holds together. */
import { expect } from 'vitest'
import { encodeHex } from '../../src/bytes/hex.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { Registered } from '../../src/log/registered.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { encodeReceipt } from '../../src/registry/resolve-receipt.ts'
import { entryOf, hasher } from './test-log.ts'
import type { SharedPorts } from './test-nodes.ts'

/** Remembers every answer; entries are those of `entryOf`. */
export class Oracle {
  readonly #indexes = new Map<string, number>()
  readonly #receipts = new Map<string, string>()
  readonly #roots = new Map<number, string>()
  readonly #times: { readonly size: number; readonly time: number }[] = []

  get acknowledged(): ReadonlyMap<string, number> {
    return this.#indexes
  }

  note(name: string, registered: Registered): void {
    const { leafIndex: index, head, inclusionPath } = registered
    // Whichever node answers, now or later, the Receipt is that of the registration (ADR 0039).
    const receipt = encodeHex(encodeReceipt(registered))
    expect(this.#receipts.get(name) ?? receipt, `two Receipts of ${name}`).toBe(receipt)
    this.#receipts.set(name, receipt)
    const before = this.#indexes.get(name)
    if (before !== undefined) expect(index, name).toBe(before)
    this.#indexes.set(name, index)
    const { treeSize, rootHash } = head.treeHead
    const leafHash = hasher.leaf(entryOf(name))
    verifyInclusion({ leafHash, leafIndex: index, treeSize, inclusionPath, rootHash })
    const root = rootHash.join()
    expect(this.#roots.get(treeSize) ?? root, `two roots for ${treeSize}`).toBe(root)
    this.#roots.set(treeSize, root)
    this.#times.push({ size: treeSize, time: head.registrationTime })
  }

  async finish(shared: SharedPorts): Promise<void> {
    const report = await checkLog({ ...shared, ...(await shared.connect()) })
    const indexes = [...this.#indexes.values()]
    expect(new Set(indexes).size, 'two entries at one index').toBe(indexes.length)
    for (const [name, index] of this.#indexes) {
      const [stored] = await shared.store.readEntries(leafIndex(index), 1)
      expect(stored?.entry, `lost: ${name}`).toEqual(entryOf(name))
    }
    // Every batch but the newest is signed and saved, once.
    expect(report.batches - report.signedHeads).toBeLessThanOrEqual(1)
    const sorted = this.#times.toSorted((a, b) => a.size - b.size)
    for (const [at, { time }] of sorted.entries()) {
      expect(time).toBeGreaterThanOrEqual(sorted[at - 1]?.time ?? 0)
    }
  }
}
