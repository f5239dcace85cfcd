/**
 * The signed tree heads of a log, read in bundles and verified: signature by a pinned receipt key,
 * names of the log, ascending sizes, times that never fall (I5). What they say about the tree is
 * compared by whoever knows the tree. The first head whose tree holds an entry says when the entry
 * was registered (design D5).
 */
import { encodeHex } from '../bytes/hex.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { headBundleOf, parseHeadBundle, HEAD_BUNDLE_WIDTH } from '../cose/head-bundle.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { parseSignedTreeHead, verifySignedTreeHead } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault } from './audit-fault.ts'
import type { LogSource } from './log-source.ts'

/** A head whose signature holds. */
export interface VerifiedHead extends TreeHead {
  readonly registrationTime: UnixSeconds
  readonly issuer: string
  /** What was verified: read again, the log could serve something else. */
  readonly signed: SignedTreeHead
}

export interface SignedHeadsOptions {
  readonly source: LogSource
  /** Size of the tree: later heads are not looked at. */
  readonly treeSize: number
  readonly origin: string
  /** Absent when it is not known yet: the heads then have to agree with each other. */
  readonly issuer?: string
  readonly keys: readonly PublicKey[]
  readonly verifier: SignatureVerifier
}

const BUNDLES_MAX = 64

export class SignedHeads {
  readonly #options: SignedHeadsOptions
  readonly #keys: ReadonlyMap<string, PublicKey>
  readonly #bundles = new Map<number, Promise<readonly VerifiedHead[]>>()
  #issuer: string | undefined

  constructor(options: SignedHeadsOptions) {
    this.#options = options
    this.#issuer = options.issuer
    this.#keys = new Map(
      options.keys.flatMap((key) => [
        [encodeHex(keyThumbprint(key)), key] as const,
        ...(key.kid === undefined ? [] : [[encodeHex(key.kid), key] as const]),
      ]),
    )
  }

  /** The pinned key that a head or Receipt names. */
  findKey(keyId: Uint8Array): PublicKey | undefined {
    return this.#keys.get(encodeHex(keyId))
  }

  /** The head of this very size. @throws AuditFault `evidence` when there is none. */
  async at(treeSize: number): Promise<VerifiedHead> {
    const head = (await this.inBundle(headBundleOf(treeSize))).find(
      (one) => one.treeSize === treeSize,
    )
    if (head !== undefined) return head
    throw new AuditFault('evidence', `there is no signed head of size ${treeSize}`, { treeSize })
  }

  /**
   * The heads, ascending, from the first that covers `start` to the first that covers `end` - 1.
   * @throws AuditFault `evidence` when the last entries have none.
   */
  async spanning(start: number, end: number): Promise<VerifiedHead[]> {
    const heads: VerifiedHead[] = []
    for (let index = headBundleOf(start + 1); ; index++) {
      if (index * HEAD_BUNDLE_WIDTH >= this.#options.treeSize) {
        throw new AuditFault('evidence', `no signed head covers entry ${end - 1}`, {
          leafIndex: end - 1,
        })
      }
      for (const head of await this.inBundle(index)) {
        if (head.treeSize <= start) continue
        heads.push(head)
        if (head.treeSize >= end) return heads
      }
    }
  }

  /** The verified heads of one bundle. */
  async inBundle(index: number): Promise<readonly VerifiedHead[]> {
    let bundle = this.#bundles.get(index)
    this.#bundles.delete(index)
    bundle ??= this.#readBundle(index)
    this.#bundles.set(index, bundle)
    if (this.#bundles.size > BUNDLES_MAX) this.#bundles.delete(this.#bundles.keys().next().value!)
    return bundle
  }

  async #readBundle(index: number): Promise<readonly VerifiedHead[]> {
    const { source, treeSize } = this.#options
    const bytes = await source.headBundle(index, treeSize)
    let encoded: readonly Uint8Array[]
    try {
      encoded = parseHeadBundle(bytes)
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause
      throw new AuditFault('evidence', `head bundle ${index}: ${cause.message}`, {}, { cause })
    }
    const heads = await Promise.all(encoded.map((head) => this.verify(head)))
    const first = index * HEAD_BUNDLE_WIDTH
    heads.forEach((head, at) => {
      const before = heads[at - 1]
      const isInOrder = head.treeSize > (before?.treeSize ?? first)
      if (!isInOrder || head.treeSize > first + HEAD_BUNDLE_WIDTH) {
        throw new AuditFault('evidence', `head bundle ${index} is not in order`, {
          treeSize: head.treeSize,
        })
      }
      if (head.registrationTime < (before?.registrationTime ?? 0)) {
        throw new AuditFault('evidence', `the head of size ${head.treeSize} goes back in time`, {
          treeSize: head.treeSize,
        })
      }
    })
    return heads.filter((head) => head.treeSize <= treeSize)
  }

  /** Verifies one head of the log. @throws AuditFault `evidence`. */
  async verify(bytes: Uint8Array): Promise<VerifiedHead> {
    let size: number | undefined
    try {
      const head = parseSignedTreeHead(bytes)
      size = head.treeHead.treeSize
      const key = this.findKey(head.keyId)
      if (key === undefined) {
        throw new VerificationError(
          'ERR_RECEIPT_LOG_UNKNOWN',
          `signed by a key that is not pinned (${encodeHex(head.keyId)})`,
        )
      }
      const { verifier, origin } = this.#options
      const verified = await verifySignedTreeHead({ head, key, verifier })
      this.#issuer ??= verified.issuer
      if (verified.origin !== origin || verified.issuer !== this.#issuer) {
        throw new VerificationError('ERR_RECEIPT_CLAIMS', 'it is of another log')
      }
      const { issuer, registrationTime, treeHead } = verified
      return { ...treeHead, registrationTime, issuer, signed: verified }
    } catch (cause) {
      if (!(cause instanceof InputError || cause instanceof VerificationError)) throw cause
      const what = size === undefined ? 'a signed head' : `the signed head of size ${size}`
      const place = size === undefined ? {} : { treeSize: size }
      throw new AuditFault('evidence', `${what}: ${cause.message}`, place, { cause })
    }
  }
}

/** @throws AuditFault `fork` when a validly signed head has another root than the tree. */
export function assertSameRoot(head: VerifiedHead, tree: TreeHead, firstEntry?: number): void {
  if (equalBytes(head.rootHash, tree.rootHash)) return
  throw new AuditFault(
    'fork',
    `the log signed a head of size ${head.treeSize} with another root than its tree has there`,
    {
      treeSize: head.treeSize,
      ...(firstEntry === undefined ? {} : { leafIndex: firstEntry }),
    },
  )
}
