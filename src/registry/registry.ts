/**
 * The registry as the surfaces see it: one method per use case, each in its own file. Holds the
 * ports, and what the static face derives from them.
 */
import type { TreeSize } from '../bytes/integers.ts'
import { Checkpoints } from './checkpoint.ts'
import { checkHealth } from './health.ts'
import type { Health } from './health.ts'
import { activeKeysOf, encodeLogKeys } from './log-keys.ts'
import type { LogKeys } from './log-keys.ts'
import { readCollateral } from './collateral.ts'
import type { RegistryPorts, Submitter } from './ports.ts'
import { register } from './register.ts'
import type { RegisterResult } from './register.ts'
import { receiptAtHead, resolveReceipt } from './resolve-receipt.ts'
import type { ResolvedReceipt } from './resolve-receipt.ts'
import { ServiceKeys } from './service-keys.ts'
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
  }

  /**
   * Who shows this `Authorization` header; undefined for nobody where nobody has to.
   * @throws VerificationError `ERR_TOKEN_MISSING`, `ERR_TOKEN_INVALID` or `ERR_TOKEN_SCOPE`.
   */
  async authenticate(authorization: string | undefined): Promise<Submitter | undefined> {
    const { submitters, rules } = this.#ports
    return submitters?.authenticate(authorization, rules().policy.submitter?.oidc ?? [])
  }

  /** Registers one Signed Statement. */
  register(bytes: Uint8Array, submitter?: Submitter): Promise<RegisterResult> {
    return register(bytes, this.#ports, submitter)
  }

  /** What an admission used beside the statement, by the hex of its SHA-256. */
  readCollateral(digest: string): Promise<Uint8Array> {
    return readCollateral(digest, this.#ports)
  }

  /** A fresh Receipt for an entry. */
  resolveReceipt(entryId: string): Promise<ResolvedReceipt> {
    return resolveReceipt(entryId, this.#ports)
  }

  /** The Receipt for an entry against one stored head. */
  receiptAtHead(entryId: string, treeSize: TreeSize): Promise<Uint8Array> {
    return receiptAtHead(entryId, treeSize, this.#ports)
  }

  /** An entry with a fresh Receipt attached. */
  readTransparentStatement(entryId: string): Promise<ReadTransparentStatement> {
    return readTransparentStatement(entryId, this.#ports)
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

  /** Whether the registry can do its work. */
  checkHealth(): Promise<Health> {
    return checkHealth(this.#ports, this.keys)
  }
}
