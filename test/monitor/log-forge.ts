/**
 * A log in memory for auditors to look at, honest unless a test asks otherwise: it signs whatever it
 * is told to sign, and exports the resources of the static face as a map from path to bytes, which a
 * test can change before it is read. It shares no code with the server's write path.
 */
import { createHash } from 'node:crypto'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { encodeHeadBundle } from '../../src/cose/head-bundle.ts'
import { encodeInclusionReceipt } from '../../src/cose/encode-receipt.ts'
import { signTreeHead, withAttachedRoot } from '../../src/cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { createTreeHasher } from '../../src/merkle/hasher.ts'
import type { LeafHash } from '../../src/merkle/hasher.ts'
import { inclusionPathNodes } from '../../src/merkle/nodes.ts'
import { resolvePath, TileNodeReader } from '../../src/merkle/node-reader.ts'
import { tileWidth } from '../../src/merkle/tiles.ts'
import { encodeCheckpoint, signCheckpoint } from '../../src/note/checkpoint.ts'
import { encodeEntryBundle } from '../../src/note/entry-bundle.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { encodeTilePath } from '../../src/note/tile-path.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { headBundlePath } from '../../src/monitor/log-source.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import {
  REGISTRATION_JOURNAL_MEDIA_TYPE,
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import type { InnerAnchors } from '../../src/policy/inner-anchors.ts'
import { encodeRegistrationJournal } from '../../src/policy/registration-journal.ts'
import type {
  JournalCollateral,
  RegistrationJournal,
} from '../../src/policy/registration-journal.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { noteSigner } from '../support/note-keys.ts'
import { testSigner } from '../support/test-signer.ts'

export const sha256 = (data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(data).digest())
export const hasher = createTreeHasher(sha256)

export const ORIGIN = 'log.example/audited'
export const LOG_ISSUER = 'https://log.example/audited'
export const ISSUER = 'https://issuer.example'
export const START_TIME = 1_790_000_000

export type Resources = Map<string, Uint8Array>

/** A reader over resources in memory. */
export function readerOf(resources: Resources, name = 'memory'): ResourceReader {
  return { name, read: async (path) => resources.get(path) }
}

export interface ForgeKeys {
  readonly operator: Signer
  readonly registrar: Signer
  readonly receipt: Signer
  readonly checkpoint: NoteSigner
  readonly issuer: Signer
}

export function forgeKeys(): ForgeKeys {
  return {
    operator: testSigner(),
    registrar: testSigner(),
    receipt: testSigner(),
    checkpoint: noteSigner(ORIGIN),
    issuer: testSigner(),
  }
}

export interface ForgedHead {
  readonly size: number
  readonly time: number
  /** Who signs it; the log's receipt key where it is absent. */
  readonly receipt?: Signer
}

/** What another log is made of, to be signed and exported here. */
export interface ForgedParts {
  readonly keys: ForgeKeys
  readonly origin: string
  readonly issuer: string
  readonly entries: readonly Uint8Array[]
  readonly heads: readonly ForgedHead[]
  readonly collateral: ReadonlyMap<string, Uint8Array>
}

export class LogForge {
  readonly keys: ForgeKeys
  readonly origin: string
  readonly issuer: string
  readonly entries: Uint8Array[] = []
  readonly heads: ForgedHead[] = []
  readonly collateral = new Map<string, Uint8Array>()
  time = START_TIME
  /** What the next journal will say about collateral. */
  #pending: JournalCollateral[] = []
  #uncovered = 0

  private constructor(keys: ForgeKeys, origin = ORIGIN, issuer = LOG_ISSUER) {
    this.keys = keys
    this.origin = origin
    this.issuer = issuer
  }

  /** A log that was written elsewhere. */
  static of({ keys, origin, issuer, entries, heads, collateral }: ForgedParts): LogForge {
    const forge = new LogForge(keys, origin, issuer)
    for (const entry of entries) forge.entries.push(entry)
    forge.heads.push(...heads)
    for (const [digest, bytes] of collateral) forge.collateral.set(digest, bytes)
    return forge
  }

  /** A log with its policy and anchors. */
  static async create(
    options: {
      keys?: ForgeKeys
      policy?: Partial<RegistrationPolicy>
      anchors?: TrustAnchor[]
      time?: number
    } = {},
  ): Promise<LogForge> {
    const forge = new LogForge(options.keys ?? forgeKeys())
    forge.time = options.time ?? START_TIME
    const policy = await forge.policyStatement(options.policy)
    await forge.batch([policy, await forge.anchorsStatement(options.anchors)])
    return forge
  }

  /** The same log so far, which then goes its own way. */
  fork(): LogForge {
    const copy = new LogForge(this.keys, this.origin, this.issuer)
    copy.entries.push(...this.entries)
    copy.heads.push(...this.heads)
    for (const [digest, bytes] of this.collateral) copy.collateral.set(digest, bytes)
    copy.time = this.time
    copy.#pending = [...this.#pending]
    copy.#uncovered = this.#uncovered
    return copy
  }

  get vkey(): string {
    return encodeVerifierKey(verifierKeyOf(this.keys.checkpoint, 'ed25519'))
  }

  /** All keys that heads are signed with. */
  get receiptKeys(): readonly Uint8Array[] {
    const signers = new Set([
      this.keys.receipt,
      ...this.heads.flatMap((head) => head.receipt ?? []),
    ])
    return [...signers].map(({ publicKey }) => encodeCoseKey(publicKey))
  }

  get receiptKey(): Uint8Array {
    return encodeCoseKey(this.keys.receipt.publicKey)
  }

  /** An empty list of registrars is none: nobody writes journals then. */
  policy(parts: Partial<RegistrationPolicy> = {}): RegistrationPolicy {
    const { operator, registrar } = this.keys
    const { registrarKeys, ...policy } = {
      version: 1 as const,
      algorithms: ['ES256', 'EdDSA'],
      contentTypes: ['*'],
      operatorKeys: [operator.publicKey],
      registrarKeys: [registrar.publicKey],
      ...parts,
    }
    return registrarKeys.length === 0 ? policy : { ...policy, registrarKeys }
  }

  async policyStatement(parts: Partial<RegistrationPolicy> = {}): Promise<Uint8Array> {
    return signStatement({
      payload: encodeRegistrationPolicy(this.policy(parts)),
      contentType: REGISTRATION_POLICY_MEDIA_TYPE,
      subject: 'urn:attestry:registration-policy',
      issuer: LOG_ISSUER,
      signer: this.keys.operator,
      issuedAt: this.time,
    })
  }

  async anchorsStatement(
    anchors?: readonly TrustAnchor[],
    inner?: InnerAnchors,
  ): Promise<Uint8Array> {
    const key = this.keys.issuer.publicKey
    const usual: TrustAnchor[] = [{ kind: 'cose-key', key, issuers: [ISSUER] }]
    return signStatement({
      payload: encodeTrustAnchorsDocument(anchors ?? usual, inner),
      contentType: TRUST_ANCHORS_MEDIA_TYPE,
      subject: 'urn:attestry:trust-anchors',
      issuer: LOG_ISSUER,
      signer: this.keys.operator,
      issuedAt: this.time,
    })
  }

  async statement(subject: string, parts: Partial<SignStatementRequest> = {}): Promise<Uint8Array> {
    return signStatement({
      payload: encodeUtf8(`payload of ${subject}`),
      contentType: 'text/plain',
      subject,
      issuer: ISSUER,
      signer: this.keys.issuer,
      ...parts,
    })
  }

  async statements(prefix: string, count: number): Promise<Uint8Array[]> {
    return Promise.all(Array.from({ length: count }, (_, at) => this.statement(`${prefix}-${at}`)))
  }

  /** Appends entries as one batch, `seconds` after the last one. */
  async batch(entries: readonly Uint8Array[], seconds = 1): Promise<void> {
    this.time += seconds
    this.entries.push(...entries)
    this.heads.push({ size: this.entries.length, time: this.time })
  }

  /** Keeps collateral of an entry for the next journal. */
  addCollateral(index: number, kind: JournalCollateral['kind'], bytes: Uint8Array): string {
    const digest = `sha256:${Buffer.from(sha256(bytes)).toString('hex')}`
    this.collateral.set(digest, bytes)
    this.#pending.push({ leafIndex: index, digest, kind })
    return digest
  }

  /** The journal that is due, as an honest registrar would write it. */
  dueJournal(): RegistrationJournal {
    const [from, to] = [this.#uncovered, this.entries.length]
    const times: { leafIndex: number; registrationTime: number }[] = []
    let start = 0
    for (const { size, time } of this.heads) {
      if (size > from && start < to && times.at(-1)?.registrationTime !== time) {
        times.push({ leafIndex: Math.max(start, from), registrationTime: time })
      }
      start = size
    }
    const collateral = this.#pending
    const submitters = collateral
      .filter(({ kind }) => kind === 'submitter-claims')
      .map(({ leafIndex: index, digest }) => ({ leafIndex: index, digest }))
    return { from, to, times, collateral, submitters }
  }

  async journalStatement(journal: RegistrationJournal, signer?: Signer): Promise<Uint8Array> {
    return signStatement({
      payload: encodeRegistrationJournal(journal),
      contentType: REGISTRATION_JOURNAL_MEDIA_TYPE,
      subject: ORIGIN,
      issuer: LOG_ISSUER,
      signer: signer ?? this.keys.registrar,
      issuedAt: this.time,
    })
  }

  /** Appends the journal that is due, after `change`. */
  async journal(
    change: (journal: RegistrationJournal) => RegistrationJournal = (one) => one,
  ): Promise<void> {
    const journal = this.dueJournal()
    await this.batch([await this.journalStatement(change(journal))])
    this.#pending = []
    this.#uncovered = journal.to
  }

  /** All resources at the current size. `receipts` writes Receipts, statements and single heads too. */
  async export({ receipts = false } = {}): Promise<Resources> {
    const resources: Resources = new Map()
    const leaves = this.entries.map((entry) => hasher.leaf(entry))
    const tiles = new Map<string, Uint8Array>()
    const signed = await this.#signHeads(leaves, tiles)
    const size = this.entries.length
    for (const [name, hashes] of tiles) {
      const [level = 0, index = 0] = name.split('/').map(Number)
      const width = tileWidth(level, index, size)
      resources.set(encodeTilePath({ kind: 'hashes', level, index, width }), hashes)
    }
    for (let index = 0; index * 256 < size; index++) {
      const some = this.entries.slice(index * 256, (index + 1) * 256)
      const path = encodeTilePath({ kind: 'entries', index, width: some.length })
      resources.set(path, encodeEntryBundle(some))
      const heads = signed.filter(
        ({ treeHead }) => Math.ceil(treeHead.treeSize / 256) === index + 1,
      )
      resources.set(
        headBundlePath(index, some.length),
        encodeHeadBundle(heads.map(withAttachedRoot)),
      )
    }
    const last = signed.at(-1)!
    resources.set('checkpoint', await this.checkpoint(last))
    resources.set('log-key', encodeUtf8(`${this.vkey}\n`))
    for (const [digest, bytes] of this.collateral) resources.set(`collateral/${digest}`, bytes)
    if (receipts) {
      this.#addReceipts(resources, { last, tiles, leaves })
      for (const head of signed) {
        resources.set(`heads/${head.treeHead.treeSize}`, withAttachedRoot(head))
      }
    }
    return resources
  }

  async checkpoint({ treeHead }: SignedTreeHead, signer?: NoteSigner): Promise<Uint8Array> {
    const signers = [signer ?? this.keys.checkpoint]
    return encodeCheckpoint(await signCheckpoint({ origin: this.origin, treeHead, signers }))
  }

  async #signHeads(
    leaves: readonly LeafHash[],
    tiles: Map<string, Uint8Array>,
  ): Promise<SignedTreeHead[]> {
    let edge = TreeEdge.empty(hasher)
    const signed: SignedTreeHead[] = []
    const { issuer, origin } = this
    for (const { size, time, receipt = this.keys.receipt } of this.heads) {
      const appended = edge.append(leaves.slice(edge.treeSize, size))
      edge = appended.edge
      for (const { level, index, hashes } of appended.tiles) tiles.set(`${level}/${index}`, hashes)
      const treeHead = { treeSize: edge.treeSize, rootHash: edge.rootHash() }
      const claims = { issuer, origin, treeHead, registrationTime: time }
      signed.push(await signTreeHead(claims, receipt))
    }
    return signed
  }

  #addReceipts(
    resources: Resources,
    at: { last: SignedTreeHead; tiles: Map<string, Uint8Array>; leaves: readonly LeafHash[] },
  ): void {
    const { edge } = TreeEdge.empty(hasher).append(at.leaves)
    const readTile = (level: number, index: number): Uint8Array =>
      at.tiles.get(`${level}/${index}`)!
    const reader = new TileNodeReader({ edge, readTile, hasher })
    for (const [index, entry] of this.entries.entries()) {
      const size = treeSize(this.entries.length)
      const inclusionPath = resolvePath(inclusionPathNodes(index, size), reader)
      const proof = { leafIndex: leafIndex(index), treeSize: size, inclusionPath }
      const receipt = encodeInclusionReceipt(at.last, proof)
      const id = Buffer.from(sha256(entry)).toString('hex')
      resources.set(`entries/${id}/receipt`, receipt)
      resources.set(`entries/${id}/statement`, attachReceipts(entry, [receipt]))
    }
  }
}
