/** A log in a few lines: entries in, a signed head and Receipts out. Slow, obvious, no storage. */
import { sha256 } from '../../src/bytes/digest.ts'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { encodeInclusionReceipt } from '../../src/cose/encode-receipt.ts'
import { encodeSign1, sigStructure } from '../../src/cose/sign1.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import { NaiveTree } from '../support/naive-tree.ts'
import { testSigner } from '../support/test-signer.ts'

export interface SmallLogOptions {
  readonly issuer?: string
  readonly origin?: string
  readonly signer?: Signer
  readonly registrationTime?: number
  /** Other entries, before and after the one that receipts are for. */
  readonly neighbours?: readonly Uint8Array[]
}

const NEIGHBOURS: readonly Uint8Array[] = [0, 1, 2, 3].map((n) => Uint8Array.of(n))

export class SmallLog {
  readonly issuer: string
  readonly origin: string
  readonly signer: Signer
  readonly registrationTime: number
  readonly #neighbours: readonly Uint8Array[]

  constructor(options: SmallLogOptions = {}) {
    this.issuer = options.issuer ?? 'https://log.example'
    this.origin = options.origin ?? 'log.example/1'
    this.signer = options.signer ?? testSigner()
    this.registrationTime = options.registrationTime ?? 1_780_000_000
    this.#neighbours = options.neighbours ?? NEIGHBOURS
  }

  /** The Receipt of an Attestry log (D2), the entry at index 2 of 5 unless neighbours differ. */
  async receipt(entry: Uint8Array): Promise<Uint8Array> {
    const { tree, index, size } = this.#grow(entry)
    const head = await signTreeHead(
      {
        issuer: this.issuer,
        origin: this.origin,
        treeHead: { treeSize: treeSize(size), rootHash: tree.root() },
        registrationTime: this.registrationTime,
      },
      this.signer,
    )
    const inclusionPath = tree.path(index, 0, size)
    return encodeInclusionReceipt(head, {
      treeSize: treeSize(size),
      leafIndex: leafIndex(index),
      inclusionPath,
    })
  }

  /** A Receipt with a protected header of the test's choice, as some other service would sign it. */
  async foreignReceipt(
    entry: Uint8Array,
    header: readonly (readonly [CborValue, CborValue])[],
    leafRule: 'entry' | 'entry-digest' = 'entry',
  ): Promise<Uint8Array> {
    const { tree, index, size } = this.#grow(leafRule === 'entry' ? entry : sha256(entry))
    const protectedBytes = encodeCbor(
      new Map<CborValue, CborValue>([[1, this.signer.algorithm], ...header]),
    )
    const signature = await this.signer.sign(sigStructure(protectedBytes, tree.root()))
    const proof = encodeCbor([size, index, tree.path(index, 0, size)])
    const unprotectedBytes = encodeCbor(new Map([[396, new Map([[-1, [proof]]])]]))
    return encodeSign1({ protectedBytes, unprotectedBytes, payload: null, signature })
  }

  #grow(entry: Uint8Array): { tree: NaiveTree; index: number; size: number } {
    const index = Math.floor(this.#neighbours.length / 2)
    const entries = [...this.#neighbours.slice(0, index), entry, ...this.#neighbours.slice(index)]
    return { tree: NaiveTree.fromEntries(entries), index, size: entries.length }
  }
}
