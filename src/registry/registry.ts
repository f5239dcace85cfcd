/**
 * The registry as the surfaces see it: one method per use case, each in its own file. Holds the
 * ports, and what the static face derives from them.
 */
import type { TreeSize } from '../bytes/integers.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { Checkpoints } from './checkpoint.ts'
import { checkHealth } from './health.ts'
import type { Health } from './health.ts'
import { activeKeysOf, encodeLogKeys } from './log-keys.ts'
import type { LogKeys } from './log-keys.ts'
import { findBuiltArtifacts } from './built-artifacts.ts'
import type { BuiltLookup, BuiltPage } from './built-artifacts.ts'
import { readCollateral } from './collateral.ts'
import { describeArtifact } from './describe-artifact.ts'
import type { ArtifactLookup, DescribedArtifact } from './describe-artifact.ts'
import { describeEntry } from './describe-entry.ts'
import type { DescribedEntry } from './describe-entry.ts'
import { EntryAppraisals } from './entry-appraisals.ts'
import type { ReadAppraisal } from './entry-appraisals.ts'
import { beginUpload, readPayload } from './payloads.ts'
import type { PayloadUpload } from './payloads.ts'
import type { RegistryPorts, Submitter } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import type { StatementLookup, StatementPage } from './query-statements.ts'
import { readFeed } from './read-feed.ts'
import type { FeedPage, FeedRequest } from './read-feed.ts'
import { register } from './register.ts'
import type { RegisterResult } from './register.ts'
import { requireIndex } from './require-index.ts'
import { receiptAtHead, resolveReceipt } from './resolve-receipt.ts'
import type { ResolvedReceipt } from './resolve-receipt.ts'
import { ServiceKeys } from './service-keys.ts'
import { SigningKeys } from './signing-keys.ts'
import { StaticTiles } from './static-tiles.ts'
import { readTlogProof } from './tlog-proof.ts'
import type { ReadTlogProof } from './tlog-proof.ts'
import { readTransparentStatement } from './transparent-statement.ts'
import type { ReadTransparentStatement } from './transparent-statement.ts'
import { makeConsistencyReceipt, readCurrentHead, readHead } from './tree-heads.ts'

/** The use cases. See the files of the same names for what each throws. */
export class Registry {
  readonly issuer: string
  readonly origin: string
  readonly keys: ServiceKeys
  /** The log's own C2SP keys and policy. */
  readonly logKeys: LogKeys
  /** Tiles and bundles. */
  readonly tiles: StaticTiles
  readonly checkpoints: Checkpoints
  readonly #ports: RegistryPorts
  readonly #signingKeys: SigningKeys
  readonly #appraisals: EntryAppraisals

  constructor(ports: RegistryPorts) {
    this.issuer = ports.issuer
    this.origin = ports.origin
    this.keys = new ServiceKeys(ports.serviceKeys)
    this.logKeys = encodeLogKeys({
      origin: ports.origin,
      url: ports.issuer,
      active: activeKeysOf(ports.checkpointSigners),
      retired: ports.retiredCheckpointKeys,
      witnessPolicy: ports.witnesses?.policy,
    })
    this.tiles = new StaticTiles(ports.log, ports.sha256)
    this.checkpoints = new Checkpoints(ports)
    this.#ports = ports
    this.#signingKeys = new SigningKeys(ports)
    this.#appraisals = new EntryAppraisals(ports)
  }

  /**
   * Who shows this `Authorization` header, or else this client certificate (hex SHA-256, verified);
   * undefined for nobody where nobody has to.
   * @throws VerificationError `ERR_TOKEN_MISSING`, `ERR_TOKEN_INVALID` or `ERR_TOKEN_SCOPE`.
   */
  async authenticate(
    authorization: string | undefined,
    certificate?: string,
  ): Promise<Submitter | undefined> {
    const { submitters, rules } = this.#ports
    const providers = rules().policy.submitter?.oidc ?? []
    return submitters?.authenticate(authorization, providers, certificate)
  }

  /** Registers one Signed Statement. */
  register(bytes: Uint8Array, submitter?: Submitter): Promise<RegisterResult> {
    return register(bytes, this.#ports, submitter)
  }

  /** What an admission used beside the statement, by the hex of its SHA-256. */
  readCollateral(digest: string): Promise<Uint8Array> {
    return readCollateral(digest, this.#ports)
  }

  /** Lets the upload of a payload in, or refuses it before its body is read. */
  beginUpload(name: PayloadName, submitter?: Submitter): Promise<PayloadUpload> {
    return beginUpload(name, submitter, this.#ports)
  }

  /** Content of a hash envelope. */
  readPayload(name: PayloadName): Promise<Uint8Array> {
    return readPayload(name, this.#ports)
  }

  /** A fresh Receipt for an entry. */
  resolveReceipt(entryId: string): Promise<ResolvedReceipt> {
    return resolveReceipt(entryId, this.#ports)
  }

  /** The Receipt for an entry against one stored head. */
  receiptAtHead(entryId: string, treeSize: TreeSize): Promise<Uint8Array> {
    return receiptAtHead(entryId, treeSize, this.#ports)
  }

  /** An entry with its first Receipt attached. */
  readTransparentStatement(entryId: string): Promise<ReadTransparentStatement> {
    return readTransparentStatement(entryId, this.#ports)
  }

  /** What the registry itself found of TEE evidence, as a statement of its registrar. */
  readAppraisal(entryId: string): Promise<ReadAppraisal> {
    return this.#appraisals.read(entryId)
  }

  /** The proof of an entry for C2SP tools. */
  readTlogProof(entryId: string): Promise<ReadTlogProof> {
    return readTlogProof(entryId, { ports: this.#ports, checkpoints: this.checkpoints })
  }

  /** The Receipt of consistency between two stored heads. */
  makeConsistencyReceipt(sizes: {
    readonly treeSize1: TreeSize
    readonly treeSize2: TreeSize
  }): Promise<Uint8Array> {
    return makeConsistencyReceipt(sizes, this.#ports)
  }

  /** The current signed head, its root attached. */
  readCurrentHead(): Uint8Array {
    return readCurrentHead(this.#ports)
  }

  /** A stored signed head, its root attached. */
  readHead(treeSize: TreeSize): Promise<Uint8Array> {
    return readHead(treeSize, this.#ports)
  }

  /** One page of a look-up. */
  queryStatements(lookup: StatementLookup): Promise<StatementPage> {
    return queryStatements(lookup, this.#ports)
  }

  /** What one entry says. */
  describeEntry(entryId: string): Promise<DescribedEntry> {
    return describeEntry(entryId, this.#ports)
  }

  /** One page of everything about an artifact. */
  describeArtifact(lookup: ArtifactLookup): Promise<DescribedArtifact> {
    return describeArtifact(lookup, this.#ports, this.#signingKeys)
  }

  /** One page of what was built in environments of a kind. */
  findBuiltArtifacts(lookup: BuiltLookup): Promise<BuiltPage> {
    return findBuiltArtifacts(lookup, this.#ports, this.#signingKeys)
  }

  /** Events after a position. */
  readFeed(request: FeedRequest): Promise<FeedPage> {
    return readFeed(request, this.#ports)
  }

  /**
   * Calls `listener` whenever there is more in the feed; returns how to stop it.
   * @throws UnavailableError `ERR_INDEX_OFF`.
   */
  followFeed(listener: () => void): () => void {
    return requireIndex(this.#ports).follow(listener)
  }

  /** Whether the registry can do its work. */
  checkHealth(): Promise<Health> {
    return checkHealth(this.#ports, this.keys)
  }
}
