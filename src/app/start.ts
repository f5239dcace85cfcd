/**
 * Starts a serving registry and ends it. Ending has two ways: a drain, in which every accepted
 * request is answered and the log is closed; and a fatal error, after which nothing is signed any
 * more and the process should exit, because only the next start can tell what was stored.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InvariantError, StartError } from '../errors.ts'
import { drainServer } from '../http/drain.ts'
import { createHttpServer } from '../http/server.ts'
import { nativeDigest, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { NamedPayloads } from '../registry/named-payloads.ts'
import type { RegistryPorts } from '../registry/ports.ts'
import { SigstoreBundleVerifier } from '../sigstore/sigstore-bundle-verifier.ts'
import { Registry } from '../registry/registry.ts'
import { SqliteApiTokens } from '../store/sqlite/sqlite-api-tokens.ts'
import { SqlitePayloadStore } from '../store/sqlite/sqlite-payload-store.ts'
import { SqliteRefusals } from '../store/sqlite/sqlite-refusals.ts'
import type { RegistryConfig } from './config.ts'
import { startIndexing } from './indexing.ts'
import type { Indexing } from './indexing.ts'
import { openJournaling } from './journaling.ts'
import { QueuedAppraiser } from './queued-appraiser.ts'
import { nativeHasher, openLog } from './open-log.ts'
import type { OpenedLog } from './open-log.ts'
import { followRules } from './rules.ts'
import { readSchemas } from './schemas.ts'
import { createSubmitters, openOidcTokens } from './submitters.ts'
import { startWitnessing } from './witnessing.ts'
import type { Witnessing } from './witnessing.ts'

/** How a registry ended. After `fatal` the process exits with an error. */
export type RegistryEnd =
  { readonly kind: 'closed' } | { readonly kind: 'fatal'; readonly error: Error }

/** A registry that answers requests. */
export interface RunningRegistry {
  readonly url: string
  readonly origin: string
  readonly issuer: string
  /** Stops accepting, answers what is in flight, closes the log. May be called again. */
  close(): Promise<void>
  /** Resolves when it has ended, also by itself. Never rejects. */
  readonly closed: Promise<RegistryEnd>
}

/** After a fatal error there is nothing to wait for except answers on their way. */
const FATAL_DRAIN_MS = 1000

/**
 * Opens the log and serves it.
 * @throws StartError when the log must not be signed with, or the address cannot be used.
 */
export async function startRegistry(config: RegistryConfig): Promise<RunningRegistry> {
  const ending = new Ending(config)
  const opened = await openLog(config.paths, {
    clock: config.clock,
    receiptKey: config.receiptKey,
    onFatal: (error) => ending.fail(error),
  })
  ending.onEnd(() => opened.log.close())
  try {
    const refusals = SqliteRefusals.open(config.paths.store)
    ending.onEnd(() => refusals.close())
    const witnessing = await startWitnesses(config, opened)
    ending.onEnd(() => witnessing?.witnesses.close())
    const tokens = SqliteApiTokens.open(config.paths.store, { readonly: true })
    ending.onEnd(() => tokens.close())
    const payloads = SqlitePayloadStore.open(config.paths.store)
    ending.onEnd(() => payloads.close())
    const bundles = new SigstoreBundleVerifier()
    ending.onEnd(() => bundles.close())
    const appraiser = new QueuedAppraiser()
    ending.onEnd(() => appraiser.close())
    const indexing = await startIndex(config, opened, witnessing)
    ending.onEnd(() => indexing?.close())
    const parts = { opened, witnessing, refusals, tokens, payloads, bundles, indexing, ending }
    const ports = { ...(await registryPorts(config, parts)), appraiser }
    const journaling = await openJournaling(config, { ...ports, log: opened.log })
    ending.onEnd(() => journaling.close())
    const server = createHttpServer({
      registry: new Registry(ports),
      openapi: await readDescription(),
      schemas: await readSchemas(),
      limits: config.limits,
      monotonicMs: () => performance.now(),
      onFailure: (error, requestId) => ending.report(error, requestId),
    })
    const url = await listen(server, config)
    ending.serve(server)
    journaling.start()
    config.report({ level: 'info', event: 'started', url, ...opened.names })
    return { url, ...opened.names, close: () => ending.close(), closed: ending.ended }
  } catch (error) {
    await ending.close()
    throw error
  }
}

/** Undefined when no witness policy is configured. */
async function startWitnesses(
  config: RegistryConfig,
  opened: OpenedLog,
): Promise<Witnessing | undefined> {
  const { witnessing } = config
  return witnessing === undefined ? undefined : startWitnessing({ ...config, witnessing }, opened)
}

/** Undefined when it is switched off. */
async function startIndex(
  config: RegistryConfig,
  { log }: OpenedLog,
  witnessing: Witnessing | undefined,
): Promise<Indexing | undefined> {
  return config.index ? startIndexing({ ...config, log: witnessing?.log ?? log }) : undefined
}

interface RegistryParts {
  readonly opened: OpenedLog
  readonly witnessing: Witnessing | undefined
  readonly refusals: SqliteRefusals
  readonly tokens: SqliteApiTokens
  readonly payloads: SqlitePayloadStore
  readonly bundles: SigstoreBundleVerifier
  readonly indexing: Indexing | undefined
  readonly ending: Ending
}

async function registryPorts(
  { clock, answerWithinMs, submitters }: RegistryConfig,
  { opened, witnessing, refusals, tokens, payloads, bundles, indexing, ending }: RegistryParts,
): Promise<RegistryPorts> {
  const { log, names, serviceKeys, checkpointKeys } = opened
  const rules = await followRules(log)
  return {
    ...names,
    log: witnessing?.log ?? log,
    ...(witnessing === undefined ? {} : { witnesses: witnessing.witnesses }),
    ...(indexing === undefined ? {} : { index: indexing.reader, pace: () => indexing.pace() }),
    serviceKeys,
    checkpointSigners: checkpointKeys.signers,
    retiredCheckpointKeys: checkpointKeys.retired,
    refusals,
    submitters: createSubmitters({
      ...{ tokens, clock, issuer: names.issuer, required: submitters.required },
      oidc: await openOidcTokens(submitters.oidcKeys, clock),
    }),
    payloads: {
      store: payloads,
      startDigest: nativeDigest,
      onStored: (name) => indexing?.payloadStored(name),
      named: new NamedPayloads(),
    },
    clock,
    answerWithinMs,
    rules,
    verifier: nodeVerifier,
    bundles,
    hasher: nativeHasher,
    sha256: nativeSha256,
    stopped: () => ending.isFatal,
  }
}

/** Listens on the configured address. @throws StartError `ERR_CONFIGURATION`. */
async function listen(server: Server, { host, port }: RegistryConfig): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { message } = cause as Error
    throw new StartError('ERR_CONFIGURATION', `cannot listen on ${host}:${port}: ${message}`, {
      cause,
    })
  }
  const { address, family, port: actual } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`
}

/** openapi.yaml of the package; the same relative path from `src/app` and from `dist/app`. */
async function readDescription(): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL('../../openapi.yaml', import.meta.url)))
}

/** The end of a registry: whoever starts it, it happens once and in one order. */
class Ending {
  readonly ended: Promise<RegistryEnd>
  isFatal = false
  readonly #config: RegistryConfig
  #resolve: (end: RegistryEnd) => void = () => undefined
  #server: Server | undefined
  readonly #releases: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  constructor(config: RegistryConfig) {
    this.#config = config
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** What is opened last is closed first. */
  onEnd(release: () => unknown): void {
    this.#releases.unshift(release)
  }

  serve(server: Server): void {
    this.#server = server
  }

  close(): Promise<void> {
    this.#closing ??= this.#end({ kind: 'closed' }, this.#config.drainMs)
    return this.#closing
  }

  /** A failure that is ours: told to the operator, and the end if storage broke its promise. */
  report(error: unknown, requestId: string): void {
    const { stack } = error instanceof Error ? error : new Error(String(error))
    this.#config.report({ level: 'error', event: 'request-failed', requestId, stack })
    if (error instanceof InvariantError || error instanceof StartError) this.fail(error)
  }

  fail(error: Error): void {
    if (this.isFatal) return
    this.isFatal = true
    this.#config.report({
      level: 'error',
      event: 'fatal',
      message: error.message,
      stack: error.stack,
    })
    this.#closing ??= this.#end({ kind: 'fatal', error }, FATAL_DRAIN_MS)
  }

  async #end(end: RegistryEnd, drainMs: number): Promise<void> {
    try {
      if (this.#server !== undefined) await drainServer(this.#server, drainMs)
      for (const release of this.#releases) await release()
    } catch (error) {
      const { message, stack } = error as Error
      this.#config.report({ level: 'error', event: 'close-failed', message, stack })
    }
    this.#config.report({ level: 'info', event: end.kind === 'fatal' ? 'stopped' : 'closed' })
    this.#resolve(end)
  }
}
