/** Every leaf and every pair of sizes up to 300 against the RFC's recursion; wrong proofs refused. */
import { describe, expect, it } from 'vitest'
import { InputError, VerificationError } from '../../src/errors.ts'
import { parseHash, portableHasher } from '../../src/merkle/hasher.ts'
import type { LeafHash, NodeHash, RootHash } from '../../src/merkle/hasher.ts'
import { consistencyPathNodes, foldNodes, inclusionPathNodes } from '../../src/merkle/nodes.ts'
import type { NodeId } from '../../src/merkle/nodes.ts'
import { rootFromConsistency, verifyConsistency } from '../../src/merkle/verify-consistency.ts'
import { rootFromInclusion, verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { fakeLeafHashes, NaiveTree, nativeHasher, splitPoint } from '../support/naive-tree.ts'

const SIZE_MAX = 300
const tree = new NaiveTree(fakeLeafHashes(SIZE_MAX))
const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((hash, i) => Buffer.compare(hash, b[i]!) === 0)
const resolve = (elements: readonly (readonly NodeId[])[]): NodeHash[] =>
  elements.map((nodes) =>
    foldNodes(
      nodes.map(({ level, index }) => tree.mth(index * 2 ** level, (index + 1) * 2 ** level)),
      nativeHasher,
    ),
  )

describe('every proof up to size 300', () => {
  it('finds each leaf in each tree by the path of the RFC', () => {
    const wrong: string[] = []
    for (let treeSize = 1; treeSize <= SIZE_MAX; treeSize++) {
      const rootHash = tree.root(treeSize)
      for (let leafIndex = 0; leafIndex < treeSize; leafIndex++) {
        const inclusionPath = resolve(inclusionPathNodes(leafIndex, treeSize))
        if (!same(inclusionPath, tree.path(leafIndex, 0, treeSize))) {
          wrong.push(`${leafIndex} of ${treeSize}`)
        }
        const leafHash = tree.leaves[leafIndex]!
        verifyInclusion({ leafHash, leafIndex, treeSize, inclusionPath, rootHash }, nativeHasher)
      }
    }
    expect(wrong).toEqual([])
  })

  it('leads from each size to each later size by the path of the RFC', () => {
    const wrong: string[] = []
    for (let treeSize2 = 1; treeSize2 <= SIZE_MAX; treeSize2++) {
      for (let treeSize1 = 1; treeSize1 <= treeSize2; treeSize1++) {
        const consistencyPath = resolve(consistencyPathNodes(treeSize1, treeSize2))
        if (!same(consistencyPath, tree.proof(treeSize1, treeSize2))) {
          wrong.push(`${treeSize1} to ${treeSize2}`)
        }
        const [rootHash1, rootHash2] = [tree.root(treeSize1), tree.root(treeSize2)]
        verifyConsistency(
          { treeSize1, treeSize2, rootHash1, rootHash2, consistencyPath },
          nativeHasher,
        )
      }
    }
    expect(wrong).toEqual([])
  })
})

/** Left and right turns from the leaf up: the shape that a path proves. */
function turns(m: number, n: number): string {
  if (n === 1) return ''
  const k = splitPoint(n)
  return m < k ? turns(m, k) + 'l' : turns(m - k, n - k) + 'r'
}

function inclusion(
  leafIndex: number,
  treeSize: number,
): {
  leafHash: LeafHash
  leafIndex: number | bigint
  treeSize: number | bigint
  inclusionPath: readonly Uint8Array[]
  rootHash: RootHash
} {
  return {
    leafHash: tree.leaves[leafIndex]!,
    leafIndex,
    treeSize,
    inclusionPath: tree.path(leafIndex, 0, treeSize),
    rootHash: tree.root(treeSize),
  }
}

const dropped = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at)
const inserted = <T>(list: readonly T[], at: number, item: T): T[] => list.toSpliced(at, 0, item)
const swapped = <T>(list: readonly T[], at: number): T[] =>
  list.toSpliced(at, 2, list[at + 1] as T, list[at] as T)
const flipped = (hash: Uint8Array): Uint8Array =>
  hash.map((byte, i) => (i === 17 ? 255 - byte : byte))

/** Every path that differs from the given one by a single hash. */
function wrongPaths(path: readonly Uint8Array[]): Uint8Array[][] {
  const extra = tree.root(77)
  return [
    ...path.map((_, at) => dropped(path, at)),
    ...Array.from({ length: path.length + 1 }, (_, at) => inserted(path, at, extra)),
    ...path.map((hash, at) => inserted(path, at, hash)),
    ...path.slice(1).map((_, at) => swapped(path, at)),
    ...path.map((hash, at) => path.with(at, flipped(hash))),
  ]
}

const SAMPLES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 64, 100]

describe('an inclusion proof', () => {
  it('is refused with a hash dropped, added, repeated, swapped or flipped', () => {
    for (const treeSize of SAMPLES) {
      for (let leafIndex = 0; leafIndex < treeSize; leafIndex++) {
        const claim = inclusion(leafIndex, treeSize)
        for (const inclusionPath of wrongPaths(claim.inclusionPath)) {
          const wrong = { ...claim, inclusionPath }
          expect(() => verifyInclusion(wrong, nativeHasher)).toThrow(VerificationError)
        }
      }
    }
  })

  it('is refused at every other index of the same size', () => {
    for (const treeSize of SAMPLES) {
      for (let leafIndex = 0; leafIndex < treeSize; leafIndex++) {
        const claim = inclusion(leafIndex, treeSize)
        for (let other = 0; other <= treeSize; other++) {
          if (other === leafIndex) continue
          const wrong = { ...claim, leafIndex: other }
          expect(() => verifyInclusion(wrong, nativeHasher)).toThrow(/leads to|too|outside/)
        }
      }
    }
  })

  it('is refused at another size, unless the path has the same turns there', () => {
    let accepted = 0
    for (const treeSize of SAMPLES) {
      for (let leafIndex = 0; leafIndex < treeSize; leafIndex++) {
        const claim = inclusion(leafIndex, treeSize)
        for (let size = leafIndex + 1; size <= 130; size++) {
          const verify = (): void => verifyInclusion({ ...claim, treeSize: size }, nativeHasher)
          if (turns(leafIndex, size) === turns(leafIndex, treeSize)) {
            verify()
            accepted += 1
          } else {
            expect(verify).toThrow(VerificationError)
          }
        }
      }
    }
    expect(accepted).toBeGreaterThan(SAMPLES.length)
  })

  it('does not authenticate size and index: leaf 0 of 3 is also leaf 0 of 4, under one root', () => {
    verifyInclusion({ ...inclusion(0, 3), treeSize: 4 })
    verifyInclusion({ ...inclusion(2, 3), leafIndex: 1, treeSize: 2 })
  })

  it('is refused when it climbs past its own size, though the hashes lead to the root', () => {
    const last = inclusion(1, 2)
    const wrong = { ...last, leafIndex: 0, treeSize: 1 }
    expect(() => verifyInclusion(wrong)).toThrow('too long')
    expect(() => verifyInclusion({ ...inclusion(7, 8), leafIndex: 3, treeSize: 4 })).toThrow(
      'too long',
    )
  })

  it('is refused under any other root or leaf', () => {
    const claim = inclusion(5, 9)
    const rootHash = flipped(claim.rootHash) as RootHash
    const leafHash = flipped(claim.leafHash) as LeafHash
    expect(() => verifyInclusion({ ...claim, rootHash })).toThrow('another root')
    expect(() => verifyInclusion({ ...claim, leafHash })).toThrow('another root')
  })

  it.each([0, 31, 33, 64])('is an error with a hash of %i bytes anywhere', (length) => {
    const short = new Uint8Array(length)
    const claim = inclusion(5, 9)
    const code = { code: 'ERR_RECEIPT_PROOF' }
    expect(() => verifyInclusion({ ...claim, leafHash: short as LeafHash })).toThrow('32 bytes')
    expect(() => verifyInclusion({ ...claim, rootHash: short as RootHash })).toThrow('32 bytes')
    for (let at = 0; at < claim.inclusionPath.length; at++) {
      const inclusionPath = claim.inclusionPath.with(at, short)
      expect(() => rootFromInclusion({ ...claim, inclusionPath })).toThrow('32 bytes')
      expect(() => rootFromInclusion({ ...claim, inclusionPath })).toThrow(
        expect.objectContaining(code) as Error,
      )
    }
  })

  it('may be empty for size 1 only', () => {
    const leafHash = tree.leaves[0]!
    const empty = { leafHash, leafIndex: 0, inclusionPath: [] }
    expect(rootFromInclusion({ ...empty, treeSize: 1 })).toEqual(leafHash)
    for (const treeSize of [2, 3, 4, 2 ** 53 - 1, 2n ** 64n - 1n]) {
      expect(() => rootFromInclusion({ ...empty, treeSize })).toThrow('too short')
    }
  })
})

describe('indexes and sizes on the wire', () => {
  const leafHash = tree.leaves[0]!
  const path = (length: number): LeafHash[] => fakeLeafHashes(length, 7)

  it.each([
    [0, 0],
    [1, 1],
    [2, 1],
    [-1, 1],
    [0.5, 1],
    [0, Number.NaN],
    [0, 2 ** 53],
    [0, Number.POSITIVE_INFINITY],
    [-1n, 1n],
    [0n, 2n ** 64n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [2n ** 64n - 1n, 1n],
  ])('refuses leaf %s of size %s', (leafIndex, treeSize) => {
    const claim = { leafHash, leafIndex, treeSize, inclusionPath: [] }
    expect(() => rootFromInclusion(claim)).toThrow(InputError)
    expect(() => rootFromInclusion(claim)).toThrow(
      expect.objectContaining({ code: 'ERR_MERKLE_RANGE' }) as Error,
    )
  })

  it('refuses what is not a number at all', () => {
    const claim = { leafHash, leafIndex: '0' as unknown as number, treeSize: 1, inclusionPath: [] }
    expect(() => rootFromInclusion(claim)).toThrow(InputError)
  })

  it('does not confuse indexes that are equal modulo 2^32', () => {
    const treeSize = 2 ** 33
    const [low, high] = [5, 5 + 2 ** 32]
    const claim = { leafHash, treeSize, inclusionPath: path(33) }
    expect(rootFromInclusion({ ...claim, leafIndex: low }, nativeHasher)).not.toEqual(
      rootFromInclusion({ ...claim, leafIndex: high }, nativeHasher),
    )
  })

  it('takes exactly 64 hashes for leaf 0 of 2^64-1, and 65 from 2^64-3 to 2^64-1', () => {
    const treeSize = 2n ** 64n - 1n
    const inclusionOf = (length: number): RootHash =>
      rootFromInclusion({ leafHash, leafIndex: 0n, treeSize, inclusionPath: path(length) })
    expect(inclusionOf(64)).toHaveLength(32)
    expect(() => inclusionOf(63)).toThrow('too short')
    expect(() => inclusionOf(65)).toThrow('too long')
    expect(() => inclusionOf(1000)).toThrow('too long')

    const consistencyOf = (length: number): RootHash =>
      rootFromConsistency({
        treeSize1: 2n ** 64n - 3n,
        treeSize2: treeSize,
        rootHash1: tree.root(3),
        consistencyPath: path(length),
      })
    // The length is right when only the root is wrong.
    expect(() => consistencyOf(64)).toThrow('wrong length')
    expect(() => consistencyOf(65)).toThrow('another root')
    expect(() => consistencyOf(66)).toThrow('wrong length')
  })
})

function consistency(
  treeSize1: number,
  treeSize2: number,
): {
  treeSize1: number | bigint
  treeSize2: number | bigint
  rootHash1: RootHash
  rootHash2: RootHash
  consistencyPath: readonly Uint8Array[]
} {
  return {
    treeSize1,
    treeSize2,
    rootHash1: tree.root(treeSize1),
    rootHash2: tree.root(treeSize2),
    consistencyPath: tree.proof(treeSize1, treeSize2),
  }
}

describe('a consistency proof', () => {
  it('is refused with a hash dropped, added, repeated, swapped or flipped, or another root', () => {
    for (const treeSize2 of SAMPLES) {
      for (let treeSize1 = 1; treeSize1 <= treeSize2; treeSize1++) {
        const claim = consistency(treeSize1, treeSize2)
        const { rootHash1, rootHash2 } = claim
        const wrong = [
          ...wrongPaths(claim.consistencyPath).map((consistencyPath) => ({ consistencyPath })),
          { rootHash1: flipped(rootHash1) as RootHash },
          { rootHash2: flipped(rootHash2) as RootHash },
          ...(treeSize1 < treeSize2 ? [{ rootHash1: rootHash2, rootHash2: rootHash1 }] : []),
        ]
        for (const change of wrong) {
          const refused = (): void => verifyConsistency({ ...claim, ...change }, nativeHasher)
          expect(refused).toThrow(VerificationError)
        }
      }
    }
  })

  it('is refused when it climbs past its own sizes, though the hashes lead to both roots', () => {
    const claim = consistency(3, 5)
    const extra = tree.root(9)
    const wrong = {
      ...claim,
      consistencyPath: [...claim.consistencyPath, extra],
      rootHash1: nativeHasher.node(extra, claim.rootHash1) as RootHash,
      rootHash2: nativeHasher.node(extra, claim.rootHash2) as RootHash,
    }
    expect(() => verifyConsistency(wrong)).toThrow('wrong length')
  })

  it('never starts at the empty tree, whatever the roots', () => {
    const rootHash1 = portableHasher.emptyRoot
    for (const treeSize2 of [0, 1, 2, 2n ** 64n - 1n]) {
      const claim = { treeSize1: 0, treeSize2, rootHash1, consistencyPath: [] }
      expect(() => rootFromConsistency(claim)).toThrow(InputError)
    }
  })

  it('never leads to a smaller tree or past 2^64-1', () => {
    for (const treeSize2 of [4, 1, 0, 2n ** 64n, -1]) {
      expect(() => rootFromConsistency({ ...consistency(5, 9), treeSize2 })).toThrow(InputError)
    }
  })

  it('is empty for equal sizes, and only then', () => {
    const claim = consistency(6, 6)
    expect(rootFromConsistency(claim)).toEqual(tree.root(6))
    const consistencyPath = [tree.root(6)]
    expect(() => rootFromConsistency({ ...claim, consistencyPath })).toThrow('wrong length')
    expect(() => verifyConsistency({ ...claim, rootHash2: tree.root(7) })).toThrow('another root')
    const toPowerOfTwo = { ...consistency(4, 8), consistencyPath: [] }
    expect(() => rootFromConsistency(toPowerOfTwo)).toThrow('wrong length')
  })

  it.each([0, 31, 33])('is an error with a hash of %i bytes anywhere', (length) => {
    const short = new Uint8Array(length)
    for (const claim of [consistency(6, 9), consistency(6, 6)]) {
      const wrong = [
        { rootHash1: short as RootHash },
        { rootHash2: short as RootHash },
        ...claim.consistencyPath.map((_, at) => ({
          consistencyPath: claim.consistencyPath.with(at, short),
        })),
      ]
      for (const change of wrong) {
        expect(() => verifyConsistency({ ...claim, ...change })).toThrow('32 bytes')
      }
    }
  })
})

describe('hashes', () => {
  it('separate leaves from nodes', () => {
    const [left, right] = fakeLeafHashes(2) as [LeafHash, LeafHash]
    const pair = new Uint8Array([...left, ...right])
    expect(portableHasher.leaf(pair)).not.toEqual(portableHasher.node(left, right))
  })

  it('are the same over the portable and the native SHA-256', () => {
    const [left, right] = fakeLeafHashes(2) as [LeafHash, LeafHash]
    expect(portableHasher.node(left, right)).toEqual(nativeHasher.node(left, right))
    expect(portableHasher.leaf(left)).toEqual(nativeHasher.leaf(left))
    expect(portableHasher.emptyRoot).toEqual(nativeHasher.emptyRoot)
  })

  it('parse from exactly 32 bytes', () => {
    expect(parseHash(new Uint8Array(32))).toHaveLength(32)
    for (const length of [0, 31, 33]) {
      expect(() => parseHash(new Uint8Array(length))).toThrow(InputError)
    }
    expect(() => portableHasher.node(new Uint8Array(31), new Uint8Array(32))).toThrow(InputError)
  })
})
