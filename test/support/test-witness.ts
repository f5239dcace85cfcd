/**
 * Witnesses for tests: a small foreign log as a naive tree with a checkpoint key, and our witness in
 * front of it, over memory or any other records. Statuses are asked for over real HTTP.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { createWitnessServer } from '../../src/http/witness-server.ts'
import type { WitnessRecord, WitnessRecords } from '../../src/log/witness-records.ts'
import { encodeCheckpoint, signCheckpoint } from '../../src/note/checkpoint.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { encodeAddCheckpointRequest } from '../../src/note/witness-messages.ts'
import type { WitnessPorts } from '../../src/registry/cosign-checkpoint.ts'
import { NaiveTree } from './naive-tree.ts'
import { nodeSignatureVerifier } from './node-signature-verifier.ts'
import { noteSigner } from './note-keys.ts'

export const WITNESS_TIME = 1_800_000_000

/** A log of `prefix-0`, `prefix-1`… that signs whatever size it is asked for. */
export class ForeignLog {
  readonly signer: NoteSigner
  readonly tree: NaiveTree

  constructor(signer: NoteSigner, prefix = 'entry', size = 64) {
    this.signer = signer
    this.tree = NaiveTree.fromEntries(
      Array.from({ length: size }, (_, at) => encodeUtf8(`${prefix}-${at}`)),
    )
  }

  get vkey(): string {
    return encodeVerifierKey(verifierKeyOf(this.signer, 'ed25519'))
  }

  checkpoint(
    size: number,
    signers: readonly NoteSigner[] = [this.signer],
  ): Promise<SignedCheckpoint> {
    const treeHead = { treeSize: treeSize(size), rootHash: this.tree.root(size) }
    return signCheckpoint({ origin: this.signer.name, treeHead, signers })
  }

  /** A request that is right, unless `change` says otherwise. */
  async request(
    old: number,
    size: number,
    change: Partial<Parameters<typeof encodeAddCheckpointRequest>[0]> = {},
  ): Promise<Uint8Array> {
    return encodeAddCheckpointRequest({
      treeSize1: old,
      consistencyPath: old === 0 || old >= size ? [] : this.tree.proof(old, size),
      checkpoint: await this.checkpoint(size),
      ...change,
    })
  }
}

/** Records in memory, with the same compare-and-swap. */
export class MemoryWitnessRecords implements WitnessRecords {
  readonly records = new Map<string, WitnessRecord>()

  async find(origin: string): Promise<WitnessRecord | undefined> {
    return this.records.get(origin)
  }

  async advance(
    origin: string,
    from: WitnessRecord | undefined,
    to: WitnessRecord,
  ): Promise<'advanced' | 'moved'> {
    const found = this.records.get(origin)
    const same =
      found?.treeSize === from?.treeSize &&
      Buffer.compare(found?.rootHash ?? Buffer.alloc(0), from?.rootHash ?? Buffer.alloc(0)) === 0
    if (!same) return 'moved'
    this.records.set(origin, to)
    return 'advanced'
  }

  async close(): Promise<void> {
    this.records.clear()
  }
}

/** A witness that knows the given logs. */
export function witnessPorts(
  logs: readonly ForeignLog[],
  parts: Partial<WitnessPorts> = {},
): WitnessPorts & { readonly records: WitnessRecords } {
  return {
    logs: new Map(
      logs.map(({ signer }) => [signer.name, [verifierKeyOf(signer, 'ed25519')]] as const),
    ),
    records: new MemoryWitnessRecords(),
    signer: noteSigner('witness.example'),
    clock: { now: () => WITNESS_TIME },
    verifier: nodeSignatureVerifier,
    ...parts,
  }
}

export interface ListeningWitness {
  readonly url: string
  readonly vkey: string
  readonly failures: unknown[]
  close(): Promise<void>
}

export async function listen(witness: WitnessPorts): Promise<ListeningWitness> {
  const failures: unknown[] = []
  const onFailure = (error: unknown): void => void failures.push(error)
  const server = createWitnessServer({ witness, onFailure })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    vkey: encodeVerifierKey(verifierKeyOf(witness.signer, 'cosignature/v1')),
    failures,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function post(url: string, body: Uint8Array | string): Promise<Response> {
  return fetch(`${url}/add-checkpoint`, { method: 'POST', body: body as string })
}

/** The checkpoint with what a witness answered appended, as a client publishes it. */
export function append(checkpoint: SignedCheckpoint, lines: string): string {
  return Buffer.from(encodeCheckpoint(checkpoint)).toString() + lines
}
