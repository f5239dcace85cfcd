/**
 * What clients of a registry were told, kept outside of it: every acknowledged entry with its index,
 * every head that a receipt showed. It verifies what it is told as a relying party does.
 */
import { expect } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { verifyConsistencyReceipt, verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'

const ISSUER = 'https://a.example'
/** A client gives up, and does not know then. */
const ANSWER_MS_MAX = 20_000

interface Acknowledged {
  readonly entry: Uint8Array
  readonly leafIndex: number
  readonly receipt: Uint8Array
}

export class ReceiptsOracle {
  readonly #signer: Signer
  readonly #acknowledged = new Map<string, Acknowledged>()
  readonly #roots = new Map<number, RootHash>()
  #key: PublicKey | undefined
  #statements = 0
  /** Answers that were no receipt, by status. */
  readonly refused = new Map<number, number>()

  constructor(signer: Signer) {
    this.#signer = signer
  }

  get entries(): ReadonlyMap<string, Acknowledged> {
    return this.#acknowledged
  }

  get heads(): ReadonlyMap<number, RootHash> {
    return this.#roots
  }

  async learnKey(url: string): Promise<void> {
    const answer = await fetch(`${url}/.well-known/scitt-keys`)
    this.#key = parseCoseKeySet(new Uint8Array(await answer.arrayBuffer()))[0]
  }

  nextStatement(): Promise<Uint8Array> {
    return signStatement({
      payload: encodeUtf8(`{"n":${this.#statements++}}`),
      ...{ issuer: ISSUER, subject: 's', contentType: 'application/json', signer: this.#signer },
    })
  }

  /** Posts a statement; true when it was acknowledged. The outcome may stay unknown. */
  async post(url: string, statement: Uint8Array): Promise<boolean> {
    let answer: Response
    let body: Uint8Array
    try {
      answer = await fetch(`${url}/entries`, {
        method: 'POST',
        body: statement as BodyInit,
        headers: { 'content-type': 'application/cose' },
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      })
      body = new Uint8Array(await answer.arrayBuffer())
    } catch {
      this.#refuse(0)
      return false
    }
    if (answer.status !== 201) {
      this.#refuse(answer.status)
      return false
    }
    const { entry, entryId } = parseSignedStatement(statement)
    this.#note(entryId, { entry, leafIndex: await this.#understand(entry, body), receipt: body })
    return true
  }

  /** Asks for receipts of these entries again: same index, and one root for each size. */
  async checkEntries(url: string, entryIds: readonly string[]): Promise<void> {
    for (const entryId of entryIds) {
      const { entry, leafIndex } = this.#acknowledged.get(entryId)!
      const answer = await fetch(`${url}/entries/${entryId}`)
      expect(answer.status, `entry ${leafIndex} at ${url}`).toBe(200)
      const body = new Uint8Array(await answer.arrayBuffer())
      expect(await this.#understand(entry, body)).toBe(leafIndex)
    }
  }

  /** Every head that was seen is a prefix of the largest one. */
  async checkHeads(url: string, sizes: readonly number[]): Promise<void> {
    const current = Math.max(...this.#roots.keys())
    for (const treeSize1 of sizes) {
      if (treeSize1 === current) continue
      const answer = await fetch(`${url}/consistency/${treeSize1}/${current}`)
      expect(answer.status, `consistency ${treeSize1} to ${current}`).toBe(200)
      const receipt = parseReceipt(new Uint8Array(await answer.arrayBuffer()))
      const rootHash1 = this.#roots.get(treeSize1)!
      const key = this.#key!
      const shown = await verifyConsistencyReceipt({ receipt, rootHash1, treeSize1, key, verifier })
      expect(shown.rootHash).toEqual(this.#roots.get(current))
    }
  }

  #refuse(status: number): void {
    this.refused.set(status, (this.refused.get(status) ?? 0) + 1)
  }

  #note(entryId: string, told: Acknowledged): void {
    const before = this.#acknowledged.get(entryId)
    if (before !== undefined) {
      expect(told.leafIndex, entryId).toBe(before.leafIndex)
      // Whoever posts again gets the answer that it had, or lost (ADR 0039).
      expect(encodeHex(told.receipt), entryId).toBe(encodeHex(before.receipt))
    }
    this.#acknowledged.set(entryId, told)
  }

  async #understand(entry: Uint8Array, bytes: Uint8Array): Promise<number> {
    const shown = await verifyInclusionReceipt({
      ...{ receipt: parseReceipt(bytes), entry, key: this.#key!, verifier },
      ...{ leafRule: 'entry', requireTreeSizeClaim: true },
    })
    const treeSize = Number(shown.treeSize)
    const known = this.#roots.get(treeSize)
    if (known !== undefined) expect(shown.rootHash, `two roots for ${treeSize}`).toEqual(known)
    this.#roots.set(treeSize, shown.rootHash)
    return Number(shown.leafIndex)
  }
}
