/** Roots and proofs published elsewhere, and our own tree against each of them. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { decodeBase64 } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { portableHasher } from '../../src/merkle/hasher.ts'
import type { NodeHash } from '../../src/merkle/hasher.ts'
import { consistencyPathNodes, foldNodes, inclusionPathNodes } from '../../src/merkle/nodes.ts'
import { rootNodes } from '../../src/merkle/nodes.ts'
import type { NodeId } from '../../src/merkle/nodes.ts'
import { rootFromConsistency } from '../../src/merkle/verify-consistency.ts'
import { rootFromInclusion } from '../../src/merkle/verify-inclusion.ts'
import { NaiveTree, nativeHasher } from '../support/naive-tree.ts'

// standards.md §4, the tree of transparency-dev/merkle.
const SMALL_ENTRIES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map(decodeHex)
const SMALL_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

// transparency-log.md §7.2, leaves D[i] = one byte i mod 256.
const BYTE_ROOTS: readonly (readonly [number, string])[] = [
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [1, '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7'],
  [7, '3560191803028444b232018ac047fdb561c09c23a7a6876c85e08b5e4d48e9f3'],
  [256, '0387b1bfaad194ad5b534d6a57c9710a83484cb544258df5f4df94bc41820b5f'],
  [257, '27f15b399b51e27cb63a4282e7f09bdf2e3b019ff6ad06c4a9e066fb754257e4'],
  [70_000, 'a4fbb3bac6d0830d4fdee59e9fa3a5a9511b0c7a3389cb98fe1abe9246703317'],
]
const byteEntries = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => Uint8Array.of(index % 256))

describe('known roots', () => {
  it.each(SMALL_ROOTS.map((root, size) => [size, root] as const))('size %i', (size, root) => {
    const leaves = SMALL_ENTRIES.slice(0, size).map((entry) => portableHasher.leaf(entry))
    expect(encodeHex(TreeEdge.empty(portableHasher).append(leaves).edge.rootHash())).toBe(root)
    expect(encodeHex(NaiveTree.fromEntries(SMALL_ENTRIES).root(size))).toBe(root)
  })

  it.each(BYTE_ROOTS)('size %i of one-byte leaves', (size, root) => {
    const leaves = byteEntries(size).map((entry) => nativeHasher.leaf(entry))
    expect(encodeHex(TreeEdge.empty(nativeHasher).append(leaves).edge.rootHash())).toBe(root)
  })
})

describe('the COSE Receipts example tree, entries SHA-256("statement-i")', () => {
  const entries = [0, 1, 2, 3, 4].map((i) => sha256(encodeUtf8(`statement-${i}`)))
  const tree = NaiveTree.fromEntries(entries)
  const root3 = '688928db5e565af2fb9b29db5cce83de0e0352a0f0c671b450b9dc86bed2de3c'
  const root5 = '895731b5a570ea1967dd7804b5f43146175f9ac87d1565985de3ecf09c98589c'
  const nodeHash = ({ level, index }: NodeId): NodeHash =>
    tree.mth(index * 2 ** level, (index + 1) * 2 ** level)
  const hashes = (elements: readonly (readonly NodeId[])[]): NodeHash[] =>
    elements.map((nodes) => foldNodes(nodes.map(nodeHash), portableHasher))

  it('has the published leaf 3 and its inclusion at size 5', () => {
    const leafHash = portableHasher.leaf(entries[3]!)
    expect(encodeHex(leafHash)).toBe(
      '987ba8093cabe31046a77bbe9aa4b5f62675d943386c7fbbe249cbaca5da242d',
    )
    const inclusionPath = hashes(inclusionPathNodes(3, 5))
    expect(inclusionPath).toHaveLength(3)
    const root = rootFromInclusion({ leafHash, leafIndex: 3, treeSize: 5, inclusionPath })
    expect(encodeHex(root)).toBe(root5)
  })

  it('is consistent from size 3 to size 5', () => {
    const consistencyPath = hashes(consistencyPathNodes(3, 5))
    expect(consistencyPath).toHaveLength(4)
    const root = rootFromConsistency({
      treeSize1: 3,
      treeSize2: 5,
      rootHash1: tree.root(3),
      consistencyPath,
    })
    expect(encodeHex(tree.root(3))).toBe(root3)
    expect(encodeHex(root)).toBe(root5)
  })
})

describe('known consistency proofs', () => {
  it('leads from 1 to 8 as transparency-dev/merkle publishes it', () => {
    const tree = NaiveTree.fromEntries(SMALL_ENTRIES)
    const consistencyPath = [
      'lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=',
      'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
      'a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=',
    ].map(decodeBase64)
    expect(tree.proof(1, 8)).toEqual(consistencyPath)
    const plan = consistencyPathNodes(1, 8)
    expect(plan).toEqual([
      [{ level: 0, index: 1 }],
      [{ level: 1, index: 1 }],
      [{ level: 2, index: 1 }],
    ])
    const claim = { treeSize1: 1, treeSize2: 8, rootHash1: tree.root(1), consistencyPath }
    expect(encodeHex(rootFromConsistency(claim))).toBe(SMALL_ROOTS[8])
  })
})

// The rolling hashes of draft-ietf-plants-merkle-tree-certs: every valid subtree up to 130 leaves.
describe('rolling hashes over all valid subtrees', () => {
  const tree = NaiveTree.fromEntries(byteEntries(130))
  const ends = Array.from({ length: 131 }, (_, end) => end)
  const startsOf = (end: number): number[] =>
    ends.filter((start) => start <= end && start % alignment(end - start) === 0)
  const rolling = (lines: Iterable<string>): string => {
    const digest = createHash('sha256')
    for (const line of lines) digest.update(line + '\n')
    return digest.digest('hex')
  }
  /** The nodes of a plan for a tree that starts at leaf 0, read from the subtree that starts later. */
  const fold = (nodes: readonly NodeId[], start: number): NodeHash => {
    if (nodes.length === 0) return nativeHasher.emptyRoot
    return foldNodes(
      nodes.map(({ level, index }) => {
        const first = start + index * 2 ** level
        return tree.mth(first, first + 2 ** level)
      }),
      nativeHasher,
    )
  }

  it('hashes', () => {
    function* lines(): Generator<string> {
      for (const end of ends) {
        for (const start of startsOf(end)) {
          yield `[${start}, ${end}) ${encodeHex(fold(rootNodes(end - start), start))}`
        }
      }
    }
    expect(rolling(lines())).toBe(
      'b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81',
    )
  })

  it('inclusion paths', () => {
    function* lines(): Generator<string> {
      for (const end of ends) {
        for (const start of startsOf(end)) {
          for (let index = start; index < end; index++) {
            const path = inclusionPathNodes(index - start, end - start)
            const text = path.map((nodes) => ' ' + encodeHex(fold(nodes, start))).join('')
            yield `${index} [${start}, ${end})${text}`
          }
        }
      }
    }
    expect(rolling(lines())).toBe(
      'ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f',
    )
  })

  it('consistency proofs, of which those from leaf 0 are RFC 9162 proofs of our plans', () => {
    function* lines(): Generator<string> {
      for (const n of ends) {
        for (const end of ends.filter((end) => end <= n)) {
          for (const start of startsOf(end)) {
            const proof =
              start === 0 && end > 0
                ? consistencyPathNodes(end, n).map((nodes) => fold(nodes, 0))
                : tree.subtreeProof([start, end], [0, n])
            yield `[${start}, ${end}) ${n}${proof.map((hash) => ' ' + encodeHex(hash)).join('')}`
          }
        }
      }
    }
    expect(rolling(lines())).toBe(
      '10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74',
    )
  })
})

/** The smallest power of two that is not below the length; 1 for an empty subtree, valid anywhere. */
function alignment(length: number): number {
  let power = 1
  while (power < length) power *= 2
  return power
}
