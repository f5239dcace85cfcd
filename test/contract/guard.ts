/** The contract of `log/guard.ts`. Every adapter's test file runs it. */
import { describe, expect, it } from 'vitest'
import { treeSize } from '../../src/bytes/integers.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { Guard } from '../../src/log/guard.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { hasher, newSigner } from '../support/test-log.ts'

export interface GuardUnderTest {
  /** A guard that was not created yet. */
  readonly guard: Guard
  readonly reopen: () => Promise<Guard>
  readonly dispose: () => Promise<void>
}

const signer = newSigner()

export function headOf(size: number): Promise<SignedTreeHead> {
  const treeHead = { treeSize: treeSize(size), rootHash: hasher.emptyRoot }
  const names = { origin: 'log.example.org', issuer: 'https://log.example.org' }
  return signTreeHead({ ...names, treeHead, registrationTime: size }, signer)
}

export function describeGuard(name: string, make: () => Promise<GuardUnderTest>): void {
  const withGuard = (test: (under: GuardUnderTest) => Promise<void>) => async (): Promise<void> => {
    const under = await make()
    try {
      await test(under)
    } finally {
      await under.dispose()
    }
  }

  describe(`${name}: a guard`, () => {
    it(
      'is missing until it is created, also when it is opened again',
      withGuard(async ({ guard, reopen }) => {
        expect(await guard.read()).toBeUndefined()
        const [first, second] = [await headOf(2), await headOf(3)]
        await expect(guard.advance(first, second)).rejects.toThrow()
        expect(await (await reopen()).read()).toBeUndefined()
      }),
    )

    it(
      'is created once and keeps its head',
      withGuard(async ({ guard, reopen }) => {
        const first = await headOf(2)
        await guard.create(first)
        await expect(guard.create(await headOf(3))).rejects.toMatchObject({
          code: 'ERR_LOG_EXISTS',
        })
        expect(await (await reopen()).read()).toEqual(first)
      }),
    )

    it(
      'advances from exactly the bytes that it holds',
      withGuard(async ({ guard, reopen }) => {
        const first = await headOf(2)
        await guard.create(first)
        const second = await headOf(3)
        expect(await guard.advance(first, second)).toEqual(second)
        // The same head, signed again: other bytes.
        const again = await headOf(3)
        const other = { ...again.treeHead, rootHash: again.bytes.slice(0, 32) as RootHash }
        const wrong = [
          { from: again, to: { ...again, treeHead: other } },
          { from: again, to: { ...again, registrationTime: 4 } },
          { from: first, to: { ...again, treeHead: other } },
          { from: again, to: await headOf(4) },
        ]
        // A shared guard answers this: see `describeSharedGuard`.
        if (guard.shared !== true) wrong.push({ from: first, to: again })
        for (const { from, to } of wrong) {
          await expect(guard.advance(from, to)).rejects.toMatchObject({ code: 'ERR_GUARD_FORK' })
        }
        expect(await (await reopen()).read()).toEqual(second)
      }),
    )
  })
}
