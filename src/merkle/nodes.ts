/**
 * Which nodes a proof needs: RFC 9162 §2.1.3.1 and §2.1.4.1 as plans over perfect subtrees, the only
 * nodes that are ever stored. Pure arithmetic on sizes to 2^53−1, without bit operators; reading the
 * planned nodes is `node-reader.ts`.
 */
import { powerOfTwo } from '../bytes/integers.ts'
import { assertInvariant, InputError } from '../errors.ts'
import type { NodeHash, TreeHasher } from './hasher.ts'

/** The perfect subtree over the leaves [index · 2^level, (index + 1) · 2^level). */
export interface NodeId {
  readonly level: number
  readonly index: number
}

const LEVEL_MAX = 52

/**
 * One element per hash of the inclusion path, leaf to root; each lists the perfect nodes that fold
 * to that hash, left to right. Only a subtree cut by the right edge has more than one.
 * @throws InputError `ERR_MERKLE_RANGE` unless 0 ≤ leafIndex < treeSize ≤ 2^53−1.
 */
export function inclusionPathNodes(leafIndex: number, treeSize: number): NodeId[][] {
  if (!isCount(leafIndex) || !isCount(treeSize) || leafIndex >= treeSize) {
    throw new InputError('ERR_MERKLE_RANGE', `no leaf ${leafIndex} in a tree of size ${treeSize}`)
  }
  return siblingsAbove({ level: 0, index: leafIndex }, treeSize)
}

/**
 * One element per hash of the consistency path, as {@link inclusionPathNodes}. Empty for equal sizes.
 * @throws InputError `ERR_MERKLE_RANGE` unless 1 ≤ treeSize1 ≤ treeSize2 ≤ 2^53−1.
 */
export function consistencyPathNodes(treeSize1: number, treeSize2: number): NodeId[][] {
  if (!isCount(treeSize1) || !isCount(treeSize2) || treeSize1 === 0 || treeSize1 > treeSize2) {
    const sizes = `${treeSize1} to ${treeSize2}`
    throw new InputError('ERR_MERKLE_RANGE', `no consistency proof leads from ${sizes}`)
  }
  if (treeSize1 === treeSize2) return []
  // The proof starts at the last perfect subtree of the old tree and climbs to the new root.
  let level = 0
  let count = treeSize1
  while (count % 2 === 0) {
    count /= 2
    level += 1
  }
  const start: NodeId = { level, index: count - 1 }
  const above = siblingsAbove(start, treeSize2)
  // If that subtree is the whole old tree, its hash is the old root, which the verifier has.
  return start.index === 0 ? above : [[start], ...above]
}

/**
 * The perfect nodes that fold to the root, left to right; none for the empty tree.
 * @throws InputError `ERR_MERKLE_RANGE` unless 0 ≤ treeSize ≤ 2^53−1.
 */
export function rootNodes(treeSize: number): NodeId[] {
  if (!isCount(treeSize)) {
    throw new InputError('ERR_MERKLE_RANGE', `tree size ${treeSize} is not in 0..2^53-1`)
  }
  return coveringNodes(0, treeSize)
}

/**
 * The hash of a subtree from its perfect nodes, left to right. Each split of RFC 9162 §2.1.1 cuts off
 * the largest perfect subtree on the left, so the fold starts at the right.
 * @throws InvariantError for an empty list.
 */
export function foldNodes(hashes: readonly NodeHash[], hasher: TreeHasher): NodeHash {
  const last = hashes.at(-1)
  assertInvariant(last !== undefined, 'a subtree has at least one node')
  return hashes.slice(0, -1).reduceRight((right, left) => hasher.node(left, right), last)
}

function siblingsAbove(start: NodeId, treeSize: number): NodeId[][] {
  const path: NodeId[][] = []
  let { level, index } = start
  let width = powerOfTwo(level)
  // Dividing by a power of two is exact, so this floor is too.
  let lastIndex = Math.floor((treeSize - 1) / width)
  while (lastIndex > 0) {
    if (index % 2 === 1) {
      path.push([{ level, index: index - 1 }])
    } else if (index + 1 < lastIndex) {
      path.push([{ level, index: index + 1 }])
    } else if (index + 1 === lastIndex) {
      path.push(coveringNodes(lastIndex * width, treeSize))
    }
    // Otherwise the node is the last of its level and is its own parent, as in the RFC's step 4.
    index = Math.floor(index / 2)
    lastIndex = Math.floor(lastIndex / 2)
    level += 1
    width *= 2
  }
  return path
}

/** Cuts [start, end) into perfect subtrees; `start` is a multiple of a power of two ≥ its length. */
function coveringNodes(start: number, end: number): NodeId[] {
  const nodes: NodeId[] = []
  let next = start
  for (let level = LEVEL_MAX; level >= 0 && next < end; level -= 1) {
    const width = powerOfTwo(level)
    if (end - next >= width) {
      nodes.push({ level, index: next / width })
      next += width
    }
  }
  return nodes
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
