/** Starts a serving registry: reads its files, opens its parts in their order, gives each what it needs. */
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AccessLogOptions } from '../http/access-log.ts'
import { createHttpServer } from '../http/server.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { SigstoreBundleVerifier } from '../sigstore/sigstore-bundle-verifier.ts'
import { Registry } from '../registry/registry.ts'
import type { RegistryConfig } from './config.ts'
import { Ending } from './ending.ts'
import type { RegistryEnd } from './ending.ts'
import { startIndexing } from './indexing.ts'
import type { Indexing } from './indexing.ts'
import { openJournaling } from './journaling.ts'
import { QueuedAppraiser } from './queued-appraiser.ts'
import { listen } from './listening.ts'
import { openLog } from './open-log.ts'
import type { OpenedLog } from './open-log.ts'
import { observe, openAdminListener, reachEvent } from './operating.ts'
import { checkReadiness } from './readiness.ts'
import type { Readiness } from './readiness.ts'
import { openRegistrar, registryPorts } from './registry-ports.ts'
import type { RegistryParts } from './registry-ports.ts'
import { readSchemas } from './schemas.ts'
import { startScrubbing } from './scrubbing.ts'
import type { Scrubbing } from './scrubbing.ts'
import { openApiTokens, openPayloads, openRefusals } from './stores.ts'
import { readServedFiles } from './served-files.ts'
import type { ServedTls } from './served-tls.ts'
import { observeBoth, openTraces } from './traces.ts'
import type { Traces } from './traces.ts'
import { readVersion } from './version.ts'
import { startWitnessing } from './witnessing.ts'
import type { Witnessing } from './witnessing.ts'
import { ServedWriteGate } from './write-gate.ts'

/** A registry that answers requests. */
export interface RunningRegistry {
  readonly url: string
  /** Where operators look; undefined when there is no listener for them. */
  readonly adminUrl: string | undefined
  readonly origin: string
  readonly issuer: string
  /** Reads what may change while it runs, the files of TLS, again; there where TLS is. */
  reload?(): Promise<void>
  /** Stops accepting, answers what is in flight, closes the log. May be called again. */
  close(): Promise<void>
  /** Resolves when it has ended, also by itself. Never rejects. */
  readonly closed: Promise<RegistryEnd>
}

/**
 * Opens the log and serves it.
 * @throws StartError when the log must not be signed with, or the address cannot be used.
 */
export async function startRegistry(given: RegistryConfig): Promise<RunningRegistry> {
  const { tls, witnessPolicy, oidc } = await readServedFiles(given)
  const { config, metrics } = observe(given)
  const ending = new Ending(config)
  const traces = await startTraces(config, ending)
  let gate: ServedWriteGate | undefined
  const opened = await openLog(config.paths, {
    ...{ clock: config.clock, receiptKey: config.receiptKey },
    observer: observeBoth(metrics?.log, traces?.log),
    onReach: (reach) => config.report(reachEvent(reach)),
    refusal: () => gate?.refusal(),
    onFatal: (error) => ending.fail(error),
  })
  ending.onEnd(() => opened.log.close())
  try {
    gate = await ServedWriteGate.open(config)
    ending.onEnd(() => gate?.close())
    const refusals = await openRefusals(config.paths)
    ending.onEnd(() => refusals.close())
    const witnessing = await startWitnesses(config, witnessPolicy, opened)
    ending.onEnd(() => witnessing?.witnesses.close())
    const tokens = await openApiTokens(config.paths, { readonly: true })
    ending.onEnd(() => tokens.close())
    const payloads = await openPayloads(config.paths)
    ending.onEnd(() => payloads.close())
    const bundles = new SigstoreBundleVerifier()
    ending.onEnd(() => bundles.close())
    const appraiser = new QueuedAppraiser()
    ending.onEnd(() => appraiser.close())
    const indexing = await startIndex(config, opened, witnessing)
    ending.onEnd(() => indexing?.close())
    const scrubbing = startScrub(config, ending)
    ending.onEnd(() => scrubbing?.close())
    const parts = {
      ...{ opened, witnessing, refusals, tokens, payloads, bundles, indexing, gate, metrics },
      ...{ scrubbing, traces, ending, oidc },
    }
    const registrar = await openRegistrar(config)
    const ports = { ...(await registryPorts(config, parts)), appraiser, registrar }
    const journaling = await openJournaling(config, { ...ports, log: opened.log }, registrar.signer)
    ending.onEnd(() => journaling.close())
    const registry = new Registry(ports)
    const server = createHttpServer({
      registry,
      openapi: await readDescription(),
      schemas: await readSchemas(),
      limits: config.limits,
      monotonicMs: () => performance.now(),
      observer: metrics?.http,
      accessLog: accessLogOf(config),
      tracer: traces?.http,
      tls: tls?.material,
      onFailure: (error, requestId) => ending.report(error, requestId),
    })
    const adminUrl = await startAdmin(config, { ...parts, registry, server, tls })
    const url = await listen(server, config, tls === undefined ? 'http' : 'https')
    ending.serve(server)
    journaling.start()
    config.report({ level: 'info', event: 'started', url, adminUrl, ...opened.names })
    return {
      ...{ url, adminUrl, ...opened.names },
      ...(tls === undefined ? {} : { reload: () => tls.reload(server) }),
      close: () => ending.close(),
      closed: ending.ended,
    }
  } catch (error) {
    await ending.close()
    throw error
  }
}

/** Undefined unless it is asked for. */
async function startTraces(config: RegistryConfig, ending: Ending): Promise<Traces | undefined> {
  if (!config.traces) return undefined
  const traces = await openTraces(await readVersion())
  ending.onEnd(() => traces.flush())
  return traces
}

/** Undefined when no witness policy is configured. */
async function startWitnesses(
  config: RegistryConfig,
  witnessPolicy: TlogPolicy | undefined,
  opened: OpenedLog,
): Promise<Witnessing | undefined> {
  const { witnessing } = config
  if (witnessing === undefined || witnessPolicy === undefined) return undefined
  return startWitnessing({ ...config, witnessing }, witnessPolicy, opened)
}

/** Undefined when it is switched off. */
async function startIndex(
  config: RegistryConfig,
  { log }: OpenedLog,
  witnessing: Witnessing | undefined,
): Promise<Indexing | undefined> {
  return config.index ? startIndexing({ ...config, log: witnessing?.log ?? log }) : undefined
}

/** Undefined when it is not configured. */
function accessLogOf({
  accessLogEvery: every,
  report,
}: RegistryConfig): AccessLogOptions | undefined {
  if (every === 0) return undefined
  return { every, write: (record) => report({ level: 'info', event: 'request', ...record }) }
}

const SCRUB_DELAY_MS = 3000

/** Undefined when it is switched off. */
function startScrub(config: RegistryConfig, ending: Ending): Scrubbing | undefined {
  const { scrubRateBytes: rateBytes } = config
  if (rateBytes === 0) return undefined
  const onFatal = (error: Error): void => ending.fail(error)
  return startScrubbing({ ...config, rateBytes, delayMs: SCRUB_DELAY_MS, onFatal })
}

/** Undefined when it is not configured. Before the public address: what fails to start is seen there. */
async function startAdmin(
  config: RegistryConfig,
  parts: RegistryParts & {
    readonly registry: Registry
    readonly server: Server
    readonly tls: ServedTls | undefined
  },
): Promise<string | undefined> {
  const { opened, witnessing, gate, metrics, ending, registry, server, tls } = parts
  if (config.admin === undefined || metrics === undefined) return undefined
  const readiness = (): Promise<Readiness> =>
    checkReadiness({
      ...{ registry, gate, readGuard: opened.readGuard, clock: config.clock },
      batchSeconds: () => opened.log.batchSeconds,
      isDraining: () => !server.listening,
    })
  const sources = {
    ...{ log: opened.log, witnesses: witnessing?.witnesses, gate, readiness, config },
    scrub: parts.scrubbing?.state,
    tlsNotAfter: () => tls?.notAfter,
  }
  const admin = await openAdminListener(config.admin, metrics, sources)
  ending.onEnd(() => admin.close())
  return admin.url
}

/** openapi.yaml of the package; the same relative path from `src/app` and from `dist/app`. */
async function readDescription(): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL('../../openapi.yaml', import.meta.url)))
}
