/** The proofs of transparency-dev/merkle, nearly all of them wrong ones. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeBase64 } from '../../src/bytes/base64.ts'
import { InputError, VerificationError } from '../../src/errors.ts'
import type { LeafHash, RootHash } from '../../src/merkle/hasher.ts'
import { verifyConsistency } from '../../src/merkle/verify-consistency.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { hasVectors, listVectors, vectorPath } from '../support/vectors.ts'

type Fields = Readonly<Record<string, unknown>>

/** JSON whose integers stay exact: one vector has leaf index 2^64−1. */
function readExactJson(path: string): Fields {
  const text = readFileSync(vectorPath(path), 'utf8')
  const quoted = text.replace(/^(\s*"[A-Za-z0-9]+": )(\d+)(,?)$/gm, '$1"int:$2"$3')
  return JSON.parse(quoted, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith('int:') ? BigInt(value.slice(4)) : value,
  ) as Fields
}

const bytes = (value: unknown): Uint8Array => decodeBase64(value as string)
const path = (value: unknown): Uint8Array[] => ((value ?? []) as string[]).map(bytes)

function check(file: string, fields: Fields): void {
  if (file.startsWith('merkle/inclusion')) {
    verifyInclusion({
      leafHash: bytes(fields['leafHash']) as LeafHash,
      leafIndex: fields['leafIdx'] as bigint,
      treeSize: fields['treeSize'] as bigint,
      inclusionPath: path(fields['proof']),
      rootHash: bytes(fields['root']) as RootHash,
    })
  } else {
    verifyConsistency({
      treeSize1: fields['size1'] as bigint,
      treeSize2: fields['size2'] as bigint,
      rootHash1: bytes(fields['root1']) as RootHash,
      rootHash2: bytes(fields['root2']) as RootHash,
      consistencyPath: path(fields['proof']),
    })
  }
}

function outcome(file: string, fields: Fields): 'verifies' | 'fails' {
  try {
    check(file, fields)
    return 'verifies'
  } catch (error) {
    // Anything else is a crash on hostile input, which no vector may cause.
    if (error instanceof VerificationError || error instanceof InputError) return 'fails'
    throw error
  }
}

// This vector expects success with roots of 12 bytes of text. A root has 32 bytes here, always.
const SHORT_ROOTS = 'merkle/consistency/additional/sizes-are-equal-one-and-proof-is-empty.json'

describe.skipIf(!hasVectors)('shared Merkle vectors', () => {
  const files = listVectors('merkle', '.json')

  it('has all 196 files, 12 of which verify', () => {
    expect(files).toHaveLength(196)
    expect(files.filter((file) => readExactJson(file)['wantErr'] === false)).toHaveLength(12)
  })

  it.each(files.filter((file) => file !== SHORT_ROOTS))('%s', (file) => {
    const fields = readExactJson(file)
    expect(outcome(file, fields)).toBe(fields['wantErr'] === true ? 'fails' : 'verifies')
  })

  it('refuses the one vector whose roots are not 32 bytes, and accepts it with roots that are', () => {
    const fields = readExactJson(SHORT_ROOTS)
    expect(fields['wantErr']).toBe(false)
    expect(() => check(SHORT_ROOTS, fields)).toThrow('32 bytes')
    const root = 'x'.repeat(43) + '='
    const whole = { ...fields, root1: root.replace('x=', '8='), root2: root.replace('x=', '8=') }
    expect(outcome(SHORT_ROOTS, whole)).toBe('verifies')
  })

  it('reads the leaf index of 2^64-1 exactly', () => {
    const indexes = files.map((file) => readExactJson(file)['leafIdx'])
    expect(indexes).toContain(2n ** 64n - 1n)
  })
})
