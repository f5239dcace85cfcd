/** The signed heads that a mirror copies, as the log serves them and as the scanner verified them. */
import { equalBytes } from '../bytes/bytes.ts'
import { headBundleOf, parseHeadBundle } from '../cose/head-bundle.ts'
import { parseSignedTreeHead } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { AuditFault } from './audit-fault.ts'
import type { FollowedTree } from './follow-tree.ts'
import type { LogSource } from './log-source.ts'

/** A head with its bytes as they are served, with the root in them. */
export interface ServedHead {
  readonly bytes: Uint8Array
  readonly signed: SignedTreeHead
}

export class MirroredHeads {
  readonly #source: LogSource
  readonly #followed: FollowedTree
  #bundle: { readonly index: number; readonly heads: readonly ServedHead[] } | undefined
  #covering: SignedTreeHead | undefined

  constructor(source: LogSource, followed: FollowedTree) {
    this.#source = source
    this.#followed = followed
  }

  /** Ascending, up to the size of this tree. */
  async inBundle(index: number): Promise<readonly ServedHead[]> {
    if (this.#bundle?.index === index) return this.#bundle.heads
    const { head, heads } = this.#followed
    const served = parseHeadBundle(await this.#source.headBundle(index, head.treeSize))
    const verified = await heads.inBundle(index)
    const isVerified = ({ signed: { treeHead } }: ServedHead): boolean =>
      verified.some(
        ({ treeSize, rootHash }) =>
          treeSize === treeHead.treeSize && equalBytes(rootHash, treeHead.rootHash),
      )
    const known = served.map((bytes) => ({ bytes, signed: parseSignedTreeHead(bytes) }))
    this.#bundle = { index, heads: known.filter(isVerified) }
    return this.#bundle.heads
  }

  /**
   * The first head whose tree holds the entry. To be asked for entries in their order.
   * @throws AuditFault `evidence` when the log serves none any more.
   */
  async firstCovering(leafIndex: number): Promise<SignedTreeHead> {
    const isCovering = ({ treeHead }: SignedTreeHead): boolean => treeHead.treeSize > leafIndex
    if (this.#covering !== undefined && isCovering(this.#covering)) return this.#covering
    const last = headBundleOf(this.#followed.head.treeSize)
    for (let index = headBundleOf(leafIndex + 1); index <= last; index++) {
      const found = (await this.inBundle(index)).find(({ signed }) => isCovering(signed))
      if (found === undefined) continue
      this.#covering = found.signed
      return found.signed
    }
    throw new AuditFault('evidence', `no signed head covers entry ${leafIndex}`, { leafIndex })
  }
}
