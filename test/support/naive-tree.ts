/**
 * The tree of RFC 9162 §2.1 as the RFC writes it down: recursion over [start, end), slow and obvious.
 * The reference that everything in src/merkle is compared with; it shares only the hash with it.
 * Subtree hashes are remembered, which changes the speed and nothing else.
 */
import { hash } from 'node:crypto'
import { createTreeHasher } from '../../src/merkle/hasher.ts'
import type { LeafHash, NodeHash, RootHash, TreeHasher } from '../../src/merkle/hasher.ts'

/** Tree hashes over node:crypto, several times faster than the portable ones. */
export const nativeHasher: TreeHasher = createTreeHasher(
  (data) => new Uint8Array(hash('sha256', data, 'buffer')),
)

/** "k be the largest power of two smaller than n" (§2.1.1). */
export function splitPoint(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

export class NaiveTree {
  readonly leaves: readonly LeafHash[]
  readonly #known = new Map<number, NodeHash>()

  constructor(leaves: readonly LeafHash[]) {
    this.leaves = leaves
  }

  static fromEntries(entries: readonly Uint8Array[]): NaiveTree {
    return new NaiveTree(entries.map((entry) => nativeHasher.leaf(entry)))
  }

  /** MTH(D[start:end]) of §2.1.1. */
  mth(start: number, end: number): NodeHash {
    if (end === start) return nativeHasher.emptyRoot
    if (end - start === 1) return this.leaves[start]!
    const key = start * 2 ** 26 + end
    let value = this.#known.get(key)
    if (value === undefined) {
      const middle = start + splitPoint(end - start)
      value = nativeHasher.node(this.mth(start, middle), this.mth(middle, end))
      this.#known.set(key, value)
    }
    return value
  }

  root(size: number = this.leaves.length): RootHash {
    return this.mth(0, size) as RootHash
  }

  /** PATH(m, D[start:end]) of §2.1.3.1, m counted from `start`. */
  path(m: number, start: number, end: number): NodeHash[] {
    const n = end - start
    if (n === 1) return []
    const k = splitPoint(n)
    return m < k
      ? [...this.path(m, start, start + k), this.mth(start + k, end)]
      : [...this.path(m - k, start + k, end), this.mth(start, start + k)]
  }

  /** PROOF(m, D_n) of §2.1.4.1. */
  proof(m: number, n: number): NodeHash[] {
    return this.#subproof(m, [0, n], true)
  }

  #subproof(m: number, [start, end]: [number, number], isOld: boolean): NodeHash[] {
    const n = end - start
    if (m === n) return isOld ? [] : [this.mth(start, end)]
    const k = splitPoint(n)
    return m <= k
      ? [...this.#subproof(m, [start, start + k], isOld), this.mth(start + k, end)]
      : [...this.#subproof(m - k, [start + k, end], false), this.mth(start, start + k)]
  }

  /** SP of draft-ietf-plants-merkle-tree-certs: the subtree [s, e) is part of the tree [lo, hi). */
  subtreeProof([s, e]: [number, number], [lo, hi]: [number, number], isOld = true): NodeHash[] {
    if (s === e) return []
    if (s === lo && e === hi) return isOld ? [] : [this.mth(lo, hi)]
    const middle = lo + splitPoint(hi - lo)
    if (e <= middle)
      return [...this.subtreeProof([s, e], [lo, middle], isOld), this.mth(middle, hi)]
    if (s >= middle)
      return [...this.subtreeProof([s, e], [middle, hi], isOld), this.mth(lo, middle)]
    return [...this.subtreeProof([middle, e], [middle, hi], false), this.mth(lo, middle)]
  }
}

/** Leaf hashes that differ from each other, made from a seed without hashing. */
export function fakeLeafHashes(count: number, seed = 1): LeafHash[] {
  let state = seed % 2147483647 || 1
  return Array.from({ length: count }, () => {
    const bytes = new Uint8Array(32)
    const view = new DataView(bytes.buffer)
    for (let word = 0; word < 8; word++) {
      state = (state * 48271) % 2147483647
      view.setUint32(4 * word, state)
    }
    return bytes as LeafHash
  })
}
