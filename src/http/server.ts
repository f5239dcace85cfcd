/**
 * The HTTP server: Express 5 over `node:http`, all resources of the registry, and the limits that
 * hold before a request reaches any of them. TLS is ended here or by a proxy; there is no HTML here, and
 * nothing on the way of a registration beside the rate limit and counters.
 */
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Server, ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import express from 'express'
import type { Express } from 'express'
import { NotFoundError } from '../errors.ts'
import type { Registry } from '../registry/registry.ts'
import { AccessLog } from './access-log.ts'
import type { AccessLogOptions } from './access-log.ts'
import { appraisalResource } from './appraisals.ts'
import { artifactResource } from './artifacts.ts'
import { builtArtifactsResource } from './built-artifacts.ts'
import { batchesResource } from './batches.ts'
import { checkpointResource } from './checkpoint.ts'
import { collateralResource } from './collateral.ts'
import { boundConnections } from './connections.ts'
import { consistencyResource } from './consistency.ts'
import type { HttpContext } from './context.ts'
import { entriesResource, entryResource } from './entries.ts'
import { createErrorHandler } from './error-handler.ts'
import { EventStreams } from './event-streams.ts'
import { feedResource } from './feed.ts'
import { createGate } from './gates.ts'
import { currentHeadResource, headResource } from './heads.ts'
import { keyResource, keySetResource } from './keys.ts'
import { HTTP_LIMITS } from './limits.ts'
import type { HttpLimits } from './limits.ts'
import { LOG_KEY_RESOURCES } from './log-keys.ts'
import type { HttpObserver } from './observer.ts'
import { statementsResource } from './query.ts'
import { RateLimiter } from './rate-limit.ts'
import { receiptResource } from './receipts.ts'
import { RegistrationSlots } from './registration-slots.ts'
import { payloadResource } from './payloads.ts'
import { mountResource } from './resource.ts'
import { schemaResource } from './schemas.ts'
import { healthResource, openapiResource, rootResource } from './service.ts'
import { statementViewResource } from './statement-view.ts'
import { statementResource } from './statements.ts'
import { SubmitterQuotas } from './submitter-quotas.ts'
import { headBundleResource, tileResource } from './tiles.ts'
import { secureOptions } from './tls-material.ts'
import type { TlsMaterial } from './tls-material.ts'
import { tlogProofResource } from './tlog-proof.ts'
import type { HttpTracer } from './tracer.ts'
import { answerRequests } from './unparsed-requests.ts'

/** What the server is made of. */
export interface HttpServerOptions {
  readonly registry: Registry
  /** Bytes of openapi.yaml. */
  readonly openapi: Uint8Array
  /** JSON Schemas of the governance documents, by file name. */
  readonly schemas?: ReadonlyMap<string, Uint8Array>
  readonly limits?: Partial<HttpLimits>
  /** Undefined: plain HTTP, for a proxy that ends TLS. */
  readonly tls?: TlsMaterial | undefined
  /** Milliseconds of a monotonic clock, for rate limits. */
  readonly monotonicMs: () => number
  /** Counts what is answered. */
  readonly observer?: HttpObserver | undefined
  readonly accessLog?: AccessLogOptions | undefined
  /** Makes spans of requests. */
  readonly tracer?: HttpTracer | undefined
  /** Told of every failure that is ours, with the id that the client was given. */
  readonly onFailure: (error: unknown, requestId: string) => void
  /** First Node major on which Express is fast by itself; tests set it to try both ways. */
  readonly plainExpressFrom?: number
}

/** A server that does not listen yet. */
export function createHttpServer(options: HttpServerOptions): Server {
  const limits: HttpLimits = { ...HTTP_LIMITS, ...options.limits }
  const context: HttpContext = {
    registry: options.registry,
    limits,
    registrations: new RateLimiter(limits.registrationRate, options.monotonicMs),
    reads: new RateLimiter(limits.readRate, options.monotonicMs),
    slots: new RegistrationSlots(limits.registrationsInFlightMax),
    quotas: new SubmitterQuotas(limits.submitterQuota, options.monotonicMs),
    feeds: new EventStreams(options.registry, limits, (error) =>
      options.onFailure(error, crypto.randomUUID()),
    ),
    openapi: options.openapi,
    schemas: options.schemas ?? new Map(),
    observer: options.observer,
    accessLog:
      options.accessLog === undefined
        ? undefined
        : new AccessLog(options.accessLog, { ...options, trustProxy: limits.trustProxy }),
    tracer: options.tracer,
    monotonicMs: options.monotonicMs,
    onFailure: options.onFailure,
    isDraining: () => !server.listening,
  }
  const app = createApp(context)
  const plain = serverOptions(app, limits, options.plainExpressFrom ?? 24)
  const server =
    options.tls === undefined
      ? createServer(plain)
      : createSecureServer({ ...plain, ...secureOptions(options.tls) })
  boundConnections(server, limits)
  server.on('draining', () => context.feeds.endAll())
  answerRequests(server, app)
  return server
}

function createApp(context: HttpContext): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', false)
  app.enable('case sensitive routing').enable('strict routing')
  // Registrations come first: every route before them would be tried on each of them.
  mountResource(app, entriesResource(context), createGate(context, 'registrations'))
  mountResource(app, batchesResource(context), createGate(context, 'registrations'))
  mountResource(app, healthResource(context), createGate(context, undefined))
  const gate = createGate(context, 'reads')
  for (const resource of [
    entryResource,
    statementResource,
    receiptResource,
    keySetResource,
    keyResource,
    currentHeadResource,
    headResource,
    consistencyResource,
    tlogProofResource,
    appraisalResource,
    collateralResource,
    statementsResource,
    statementViewResource,
    artifactResource,
    builtArtifactsResource,
    feedResource,
    checkpointResource,
    tileResource,
    headBundleResource,
    ...LOG_KEY_RESOURCES,
    schemaResource,
    openapiResource,
    rootResource,
  ]) {
    mountResource(app, resource(context), gate)
  }
  mountResource(app, payloadResource(context), gate, createGate(context, 'registrations'))
  app.use(gate, (req) => {
    throw new NotFoundError(
      'ERR_ROUTE_UNKNOWN',
      `there is no resource at ${req.path.slice(0, 200)}`,
    )
  })
  app.use(createErrorHandler(context))
  return app
}

function serverOptions(app: Express, limits: HttpLimits, plainFrom: number): ServerOptions {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs: requestTimeout } = limits
  const { keepAliveTimeoutMs: keepAliveTimeout } = limits
  const connectionsCheckingInterval = Math.min(1000, headersTimeout, requestTimeout)
  const options = {
    ...{ headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval },
    requireHostHeader: false, // `answerRequests` demands it, and says so
  }
  const major = Number(process.versions.node.split('.', 1)[0])
  return major >= plainFrom ? options : { ...options, ...expressPrototypes(app) }
}

/**
 * Express gives each request and response another prototype, which undoes V8's optimisations of
 * Node's HTTP code and costs a factor of four before Node 24 (expressjs/express#5998). Objects that
 * are born with Express's prototypes spare it that: setting the same one again does nothing.
 */
function expressPrototypes(app: Express): ServerOptions {
  function ExpressRequest(this: IncomingMessage, socket: Socket): void {
    ;(IncomingMessage as unknown as typeof ExpressRequest).call(this, socket)
  }
  ExpressRequest.prototype = app.request
  function ExpressResponse(this: ServerResponse, ...args: unknown[]): void {
    ;(ServerResponse as unknown as typeof ExpressResponse).call(this, ...args)
  }
  ExpressResponse.prototype = app.response
  return {
    IncomingMessage: ExpressRequest as unknown as typeof IncomingMessage,
    ServerResponse: ExpressResponse as unknown as typeof ServerResponse,
  }
}
