/**
 * The compact range of a tree: the roots of its perfect subtrees, largest first (RFC 9162 §2.1.1
 * seen from the left). Together with one node hash per leaf it is enough to compute a root. The log
 * uses it as a second opinion on `merkle/edge.ts`: it is fed with leaf hashes that were re-read from
 * the store, and shares no code with what wrote them.
 */
import type { LeafHash, NodeHash, RootHash, TreeHasher } from '../merkle/hasher.ts'

/** The root of a perfect subtree of 2^level leaves. */
export interface RangePeak {
  readonly level: number
  readonly hash: NodeHash
}

interface Peak {
  readonly height: number
  readonly hash: Uint8Array
}

export class CompactRange {
  readonly #hasher: TreeHasher
  readonly #peaks: Peak[]
  #treeSize: number

  private constructor(hasher: TreeHasher, treeSize: number, peaks: Peak[]) {
    this.#hasher = hasher
    this.#treeSize = treeSize
    this.#peaks = peaks
  }

  static empty(hasher: TreeHasher): CompactRange {
    return new CompactRange(hasher, 0, [])
  }

  /** From the peaks of a stored tree, largest first, as `rootNodes(treeSize)` names them. */
  static fromPeaks(
    treeSize: number,
    peaks: readonly RangePeak[],
    hasher: TreeHasher,
  ): CompactRange {
    return new CompactRange(
      hasher,
      treeSize,
      peaks.map(({ level, hash }) => ({ height: level, hash })),
    )
  }

  /** The peaks, largest first, as `fromPeaks` takes them. */
  get peaks(): readonly RangePeak[] {
    return this.#peaks.map(({ height: level, hash }) => ({ level, hash: hash as NodeHash }))
  }

  get treeSize(): number {
    return this.#treeSize
  }

  /** An independent copy: appending to it leaves this one as it is. */
  clone(): CompactRange {
    return new CompactRange(this.#hasher, this.#treeSize, [...this.#peaks])
  }

  append(leafHash: LeafHash): void {
    let peak: Peak = { height: 0, hash: leafHash }
    for (let left = this.#peaks.at(-1); left?.height === peak.height; left = this.#peaks.at(-1)) {
      this.#peaks.pop()
      peak = { height: peak.height + 1, hash: this.#node(left.hash, peak.hash) }
    }
    this.#peaks.push(peak)
    this.#treeSize += 1
  }

  rootHash(): RootHash {
    let hash = this.#peaks.at(-1)?.hash
    if (hash === undefined) return this.#hasher.emptyRoot
    for (let at = this.#peaks.length - 2; at >= 0; at--) {
      hash = this.#node(this.#peaks[at]!.hash, hash)
    }
    return hash as RootHash
  }

  #node(left: Uint8Array, right: Uint8Array): Uint8Array {
    return this.#hasher.node(left, right)
  }
}
