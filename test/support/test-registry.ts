/**
 * A whole registry on memory stores: a real log with its genesis, one issuer that it trusts, and
 * parts that a test can slow down or break. `listen()` puts the HTTP server before it.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { genesisDocuments, signGenesis } from '../../src/app/genesis.ts'
import { followRules } from '../../src/app/rules.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { createHttpServer } from '../../src/http/server.ts'
import type { HttpServerOptions } from '../../src/http/server.ts'
import type { HttpLimits } from '../../src/http/limits.ts'
import { createLog } from '../../src/log/genesis.ts'
import type { Guard } from '../../src/log/guard.ts'
import type { IndexReader } from '../../src/log/index-store.ts'
import type { LogLimits } from '../../src/log/limits.ts'
import { Log } from '../../src/log/log.ts'
import type { RefusalStore } from '../../src/log/operator-tables.ts'
import type { LogPorts } from '../../src/log/ports.ts'
import type { LogStore } from '../../src/log/store.ts'
import type { PayloadStore } from '../../src/log/payload-store.ts'
import { nativeDigest } from '../../src/keys/native-hash.ts'
import type { LogWitnesses } from '../../src/log/witness.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import type { VerifierKey } from '../../src/note/verifier-key.ts'
import type {
  Refusal,
  RegistryPorts,
  ServiceKey,
  SubmitterAuthenticator,
} from '../../src/registry/ports.ts'
import { NamedPayloads } from '../../src/registry/named-payloads.ts'
import { Registry } from '../../src/registry/registry.ts'
import type { BundleVerifier } from '../../src/payload/bundle-verifier.ts'
import {
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import type { InnerAnchors } from '../../src/policy/inner-anchors.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { SigstoreBundleVerifier } from '../../src/sigstore/sigstore-bundle-verifier.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts'
import { MemoryPayloadStore } from '../../src/store/memory/memory-payload-store.ts'
import type { SignatureVerifier } from '../../src/x509/signature-verifier.ts'
import { nativeHasher } from './naive-tree.ts'
import { noteSigner } from './note-keys.ts'
import { nodeSignatureVerifier } from './node-signature-verifier.ts'
import { testSigner } from './test-signer.ts'

export const ISSUER = 'https://issuer.example'
export const LOG_ISSUER = 'https://log.example/1'
export const LOG_ORIGIN = 'log.example/1'
export const START_TIME = 1_780_000_000

/** A promise that tests resolve when they want something to go on. */
export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export function createGate(): Gate {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

/** While one is set, the service waits for it before each signature, or before each commit. */
export interface Hold {
  signing: Gate | undefined
  committing: Gate | undefined
}

export interface TestRegistryOptions {
  /** Time of the genesis, where evidence of another time is to be registered. */
  readonly startTime?: number
  readonly answerWithinMs?: number
  readonly verifier?: SignatureVerifier
  readonly anchors?: readonly TrustAnchor[]
  readonly retiredKeys?: readonly ServiceKey[]
  readonly checkpointSigners?: readonly NoteSigner[]
  readonly retiredCheckpointKeys?: readonly VerifierKey[]
  readonly witnesses?: LogWitnesses
  readonly submitters?: SubmitterAuthenticator
  readonly payloads?: PayloadStore
  readonly index?: IndexReader
  readonly bundles?: BundleVerifier
  readonly logLimits?: Partial<LogLimits>
  readonly limits?: Partial<HttpLimits>
  readonly http?: Partial<HttpServerOptions>
  readonly wrapStore?: (store: LogStore) => LogStore
  /** An empty one, instead of one in memory. */
  readonly store?: LogStore
  readonly guard?: Guard
  readonly refusals?: Pick<RefusalStore, 'record'>
}

/** Where a log goes on, in place of what it had. */
export interface TestRegistryMove extends Pick<
  TestRegistryOptions,
  'payloads' | 'index' | 'refusals'
> {
  readonly store: LogStore
  readonly guard: Guard
  /** A receipt key that the store names from now on. */
  readonly serviceSigner?: Signer
}

type Keys = Pick<
  TestRegistry,
  'signer' | 'operator' | 'registrar' | 'serviceSigner' | 'clock' | 'hold'
>

function held(inner: Signer, hold: Hold): Signer {
  const sign: Signer['sign'] = async (data) => {
    await hold.signing?.opened
    return inner.sign(data)
  }
  return { ...inner, sign }
}

function heldStore(hold: Hold): LogStore {
  const memory = new MemoryLogStore()
  const commit = memory.commit.bind(memory)
  memory.commit = async (batch) => {
    await hold.committing?.opened
    return commit(batch)
  }
  return memory
}

function logPorts(
  places: { readonly store: LogStore; readonly guard: Guard },
  { serviceSigner: signer, clock }: Pick<Keys, 'serviceSigner' | 'clock'>,
): Omit<LogPorts, 'onReach' | 'observer' | 'refusal' | 'writePath'> {
  const now = (): number => clock.time
  return {
    ...{ ...places, signer, clock: { now }, hasher: nativeHasher },
    ...{ verifier: nodeSignatureVerifier, issuer: LOG_ISSUER, origin: LOG_ORIGIN },
  }
}

export class TestRegistry {
  readonly signer: Signer
  readonly serviceSigner: Signer
  /** Signs policies and trust anchors. */
  readonly operator: Signer
  readonly registrar: Signer
  readonly store: LogStore
  readonly ports: RegistryPorts
  readonly registry: Registry
  readonly log: Log
  readonly refusals: Refusal[]
  /** Names of payloads that were stored, as the index is told. */
  readonly storedPayloads: string[]
  readonly failures: unknown[]
  readonly fatal: Error[]
  readonly clock: { time: number }
  readonly hold: Hold
  readonly #options: TestRegistryOptions
  #server: Server | undefined

  private constructor(
    parts: Pick<
      TestRegistry,
      | 'signer'
      | 'serviceSigner'
      | 'operator'
      | 'registrar'
      | 'store'
      | 'ports'
      | 'registry'
      | 'log'
      | 'refusals'
      | 'storedPayloads'
      | 'fatal'
      | 'clock'
      | 'hold'
    >,
    options: TestRegistryOptions,
  ) {
    this.signer = parts.signer
    this.serviceSigner = parts.serviceSigner
    this.operator = parts.operator
    this.registrar = parts.registrar
    this.store = parts.store
    this.ports = parts.ports
    this.registry = parts.registry
    this.log = parts.log
    this.refusals = parts.refusals
    this.storedPayloads = parts.storedPayloads
    this.fatal = parts.fatal
    this.clock = parts.clock
    this.hold = parts.hold
    this.failures = []
    this.#options = options
  }

  static async create(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const signer = testSigner()
    const [operator, registrar] = [testSigner(), testSigner()]
    const hold: Hold = { signing: undefined, committing: undefined }
    const serviceSigner = held(testSigner(), hold)
    const clock = { time: options.startTime ?? START_TIME }
    const memory = options.store ?? heldStore(hold)
    const store = options.wrapStore?.(memory) ?? memory
    const guard = options.guard ?? new MemoryGuard()
    const keys = { signer, operator, registrar, serviceSigner, clock, hold }
    const ports = logPorts({ store, guard }, keys)
    const anchors = options.anchors ?? [
      { kind: 'cose-key' as const, key: signer.publicKey, issuers: [`${ISSUER}*`] },
    ]
    const documents = genesisDocuments(operator.publicKey, anchors, registrar.publicKey)
    const by = { issuer: LOG_ISSUER, signer: operator, issuedAt: clock.time }
    await createLog({ ...ports, entries: await signGenesis(documents, by) })
    return TestRegistry.#open(ports, keys, options)
  }

  /** Closes it, and goes on with the same keys in another place, which has the log already. */
  async move({ store, guard, ...change }: TestRegistryMove): Promise<TestRegistry> {
    await this.close()
    const { signer, operator, registrar, clock, hold, ports } = this
    const { serviceSigner: rotated } = change
    const serviceSigner = rotated === undefined ? this.serviceSigner : held(rotated, hold)
    const keys = { signer, operator, registrar, serviceSigner, clock, hold }
    const retiredKeys = ports.serviceKeys.map((one) => ({ ...one, retired: true }))
    const options = {
      ...this.#options,
      ...(rotated === undefined ? {} : { retiredKeys }),
      ...change,
    }
    return TestRegistry.#open(logPorts({ store, guard }, keys), keys, options)
  }

  static async #open(
    ports: ReturnType<typeof logPorts>,
    keys: Keys,
    options: TestRegistryOptions,
  ): Promise<TestRegistry> {
    const { signer, operator, registrar, serviceSigner, clock, hold } = keys
    const verifier = options.verifier ?? nodeSignatureVerifier
    const fatal: Error[] = []
    const log = await Log.open({
      ...ports,
      onFatal: (error) => fatal.push(error),
      limits: options.logLimits ?? {},
    })
    const rules = await followRules(log)
    const refusals: Refusal[] = []
    const storedPayloads: string[] = []
    const registryPorts: RegistryPorts = {
      log,
      rules,
      serviceKeys: [
        ...(options.retiredKeys ?? []),
        {
          key: { ...serviceSigner.publicKey, algorithm: serviceSigner.algorithm },
          retired: false,
        },
      ],
      checkpointSigners: options.checkpointSigners ?? [noteSigner(LOG_ORIGIN)],
      retiredCheckpointKeys: options.retiredCheckpointKeys ?? [],
      ...(options.witnesses === undefined ? {} : { witnesses: options.witnesses }),
      registrar: { signer: registrar, build: 'attestry 0' },
      refusals: options.refusals ?? { record: (refusal) => refusals.push(refusal) },
      clock: ports.clock,
      verifier,
      bundles: options.bundles ?? new SigstoreBundleVerifier(),
      hasher: nativeHasher,
      sha256,
      issuer: LOG_ISSUER,
      origin: LOG_ORIGIN,
      ...(options.index === undefined ? {} : { index: options.index }),
      ...(options.submitters === undefined ? {} : { submitters: options.submitters }),
      payloads: {
        store: options.payloads ?? new MemoryPayloadStore(),
        startDigest: nativeDigest,
        onStored: (name) => storedPayloads.push(name),
        named: new NamedPayloads(),
      },
      stopped: () => fatal.length > 0,
      answerWithinMs: options.answerWithinMs ?? 10_000,
    }
    const registry = new Registry(registryPorts)
    return new TestRegistry(
      {
        ...{ signer, serviceSigner, operator, registrar, registry, log, refusals, fatal, clock },
        ...{ hold, store: ports.store, ports: registryPorts, storedPayloads },
      },
      options,
    )
  }

  /** A statement of the trusted issuer; different for each `number`. */
  statement(number: number, change: Partial<SignStatementRequest> = {}): Promise<Uint8Array> {
    return signStatement({
      payload: encodeUtf8(JSON.stringify({ number })),
      issuer: ISSUER,
      subject: `pkg:npm/demo@${number}.0.0`,
      contentType: 'application/json',
      signer: this.signer,
      ...change,
    })
  }

  /** A policy statement by the operator: the rules of the genesis, changed. */
  policyStatement(
    change: Partial<RegistrationPolicy>,
    issuedAt = this.clock.time,
  ): Promise<Uint8Array> {
    return signStatement({
      payload: encodeRegistrationPolicy({
        version: 1,
        algorithms: ['ES256', 'ES384', 'EdDSA'],
        contentTypes: ['*'],
        operatorKeys: [this.operator.publicKey],
        registrarKeys: [this.registrar.publicKey],
        payloadValidator: 'attestry@1',
        ...change,
      }),
      issuer: LOG_ISSUER,
      subject: 'urn:attestry:registration-policy',
      contentType: REGISTRATION_POLICY_MEDIA_TYPE,
      signer: this.operator,
      issuedAt,
    })
  }

  /** A trust anchors statement by the operator: the usual issuer, and roots and keys for envelopes. */
  anchorsStatement(inner: InnerAnchors): Promise<Uint8Array> {
    const { publicKey: key } = this.signer
    const anchors = [{ kind: 'cose-key' as const, key, issuers: [`${ISSUER}*`] }]
    return signStatement({
      payload: encodeTrustAnchorsDocument(anchors, inner),
      issuer: LOG_ISSUER,
      subject: 'urn:attestry:trust-anchors',
      contentType: TRUST_ANCHORS_MEDIA_TYPE,
      signer: this.operator,
      issuedAt: this.clock.time,
    })
  }

  /** The HTTP server, listening on a free port of this machine. */
  async listen(): Promise<{ server: Server; url: string }> {
    const server = createHttpServer({
      registry: this.registry,
      openapi: new Uint8Array(readFileSync(new URL('../../openapi.yaml', import.meta.url))),
      limits: this.#options.limits ?? {},
      monotonicMs: () => performance.now(),
      onFailure: (error) => this.failures.push(error),
      ...this.#options.http,
    })
    this.#server = server
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return { server, url: `http://127.0.0.1:${port}` }
  }

  async close(): Promise<void> {
    this.hold.signing?.open()
    this.hold.committing?.open()
    this.#server?.closeAllConnections()
    this.#server?.close()
    await this.log.close()
  }
}
