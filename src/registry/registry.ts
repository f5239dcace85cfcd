/**
 * The registry as the surfaces see it: one method per use case, each in its own file. Holds the
 * ports and nothing else; there is no state here to get wrong.
 */
import type { TreeSize } from '../bytes/integers.ts'
import { checkHealth } from './health.ts'
import type { Health } from './health.ts'
import type { RegistryPorts } from './ports.ts'
import { register } from './register.ts'
import type { RegisterResult } from './register.ts'
import { receiptAtHead, resolveReceipt } from './resolve-receipt.ts'
import type { ResolvedReceipt } from './resolve-receipt.ts'
import { ServiceKeys } from './service-keys.ts'
import { readTransparentStatement } from './transparent-statement.ts'
import type { ReadTransparentStatement } from './transparent-statement.ts'
import { makeConsistencyReceipt, readCurrentHead, readHead } from './tree-heads.ts'

/** The use cases. See the files of the same names for what each throws. */
export class Registry {
  readonly issuer: string
  readonly origin: string
  readonly keys: ServiceKeys
  readonly #ports: RegistryPorts

  constructor(ports: RegistryPorts) {
    this.issuer = ports.issuer
    this.origin = ports.origin
    this.keys = new ServiceKeys(ports.serviceKeys)
    this.#ports = ports
  }

  /** Registers one Signed Statement. */
  register(bytes: Uint8Array): Promise<RegisterResult> {
    return register(bytes, this.#ports)
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
