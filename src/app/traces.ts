/**
 * Spans for OpenTelemetry: of requests, of the parts of a registration, and of batches. The package
 * `@opentelemetry/api` is loaded only where traces are asked for, and the SDK, which says where spans go
 * and which are kept, is the operator's own. No statement, payload, token or address is in a span.
 */
import type * as OpenTelemetry from '@opentelemetry/api'
import type { Context, HrTime, Span, SpanOptions, TextMapGetter, Tracer } from '@opentelemetry/api'
import { StartError } from '../errors.ts'
import type { HttpTracer, RequestSpan, TracedAnswer } from '../http/tracer.ts'
import type { LogObserver } from '../log/observer.ts'
import type { RegistrationSpans } from '../registry/ports.ts'

type Api = typeof OpenTelemetry

/** What the parts of a registry are given. */
export interface Traces {
  readonly http: HttpTracer
  readonly registrations: RegistrationSpans
  readonly log: LogObserver
  /** Sends what has ended, if the SDK can. Never rejects, and waits for a moment only. */
  flush(): Promise<void>
}

/** An exporter that cannot reach its collector does not hold the end up. */
const FLUSH_MS = 2000
const OWN_FAULT = 500

/**
 * Opens what makes spans.
 * @param load the package; tests have a machine without it.
 * @throws StartError `ERR_CONFIGURATION` when the package or an SDK is missing.
 */
export async function openTraces(
  version: string,
  load: () => Promise<Api> = () => import('@opentelemetry/api'),
): Promise<Traces> {
  const api = await loadApi(load)
  const tracer = api.trace.getTracer('attestry', version)
  // Without an SDK every span is the same invalid one; this one is never ended, hence never exported.
  if (!api.isSpanContextValid(tracer.startSpan('probe', { root: true }).spanContext())) {
    throw new StartError(
      'ERR_CONFIGURATION',
      'traces are on and no OpenTelemetry SDK is loaded: start with NODE_OPTIONS="--import FILE", ' +
        'a file that registers one (docs/operating.md, "Traces")',
    )
  }
  return {
    http: httpTracer(api, tracer),
    registrations: registrationSpans(api, tracer),
    log: batchSpans(api, tracer),
    flush: () => flush(api),
  }
}

async function loadApi(load: () => Promise<Api>): Promise<Api> {
  try {
    return await load()
  } catch (cause) {
    throw new StartError(
      'ERR_CONFIGURATION',
      'traces need the package @opentelemetry/api, which cannot be loaded: ' +
        'npm install @opentelemetry/api@1',
      { cause },
    )
  }
}

/** Headers in the shape that propagators of trace contexts ask for. */
const HEADERS: TextMapGetter<Readonly<Record<string, string | string[] | undefined>>> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name.toLowerCase()],
}

/** Names and attributes follow OpenTelemetry's conventions for HTTP servers. */
function httpTracer(api: Api, tracer: Tracer): HttpTracer {
  return {
    begin({ method, path, isSecure, headers }) {
      const caller = api.propagation.extract(api.ROOT_CONTEXT, headers, HEADERS)
      const options: SpanOptions = {
        kind: api.SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'url.path': path,
          'url.scheme': isSecure ? 'https' : 'http',
        },
      }
      const span = tracer.startSpan(method, options, caller)
      return requestSpan(api, { method, span, inside: api.trace.setSpan(caller, span) })
    },
  }
}

function requestSpan(
  api: Api,
  {
    method,
    span,
    inside,
  }: { readonly method: string; readonly span: Span; readonly inside: Context },
): RequestSpan {
  return {
    run: (handle) => api.context.with(inside, handle),
    end: ({ route, status, requestId, isAborted }: TracedAnswer) => {
      if (route !== undefined)
        span.updateName(`${method} ${route}`).setAttribute('http.route', route)
      span.setAttribute('attestry.request_id', requestId)
      if (!isAborted) span.setAttribute('http.response.status_code', status)
      if (isAborted || status >= OWN_FAULT) {
        span.setAttribute('error.type', isAborted ? 'aborted' : String(status))
        span.setStatus({ code: api.SpanStatusCode.ERROR })
      }
      span.end()
    },
  }
}

function registrationSpans(api: Api, tracer: Tracer): RegistrationSpans {
  return {
    async during({ part, entryId }, work, ...args) {
      const span = tracer.startSpan(part, { attributes: { 'attestry.entry_id': entryId } })
      try {
        const inside = api.trace.setSpan(api.context.active(), span)
        return await api.context.with(inside, work, undefined, ...args)
      } catch (error) {
        // A message may have words of the client in it; the code says what it was.
        span.setAttribute('error.type', (error as { readonly code?: string }).code ?? 'unknown')
        span.setStatus({ code: api.SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    },
  }
}

/**
 * One span a batch, its steps as events. A root of its own: a batch has the entries of many requests, and
 * what runs it was woken by any of them. A batch that failed ends where its last step did, once the next
 * one begins.
 */
function batchSpans(api: Api, tracer: Tracer): LogObserver {
  let open: { readonly span: Span; lastAt: HrTime } | undefined
  let behindMs = 0
  return {
    onBatch: (step, entriesCount, atMs) => {
      if (step === 'begun') {
        open?.span.setStatus({ code: api.SpanStatusCode.ERROR, message: 'not finished' })
        open?.span.end(open.lastAt)
        // Requests have the time of the clock, which may have been set since this process began; one
        // difference for all steps, so that none comes before another.
        behindMs = Math.round(Date.now() - performance.timeOrigin - performance.now())
        const lastAt = hrTime(atMs + behindMs)
        const attributes = { 'attestry.batch.entries': entriesCount }
        const span = tracer.startSpan('batch', { root: true, attributes, startTime: lastAt })
        open = { span, lastAt }
        return
      }
      if (open === undefined) return
      open.lastAt = hrTime(atMs + behindMs)
      open.span.addEvent(step, open.lastAt)
      if (step !== 'guarded') return
      open.span.end(open.lastAt)
      open = undefined
    },
  }
}

/** Numbers below the beginning of the process would be taken for times since then. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.floor((ms - 1000 * seconds) * 1e6)]
}

async function flush({ trace }: Api): Promise<void> {
  const proxy = trace.getTracerProvider() as { getDelegate?: () => unknown }
  const provider = (proxy.getDelegate?.() ?? proxy) as { forceFlush?: () => Promise<void> }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_MS)))
  // What could not be sent is told by the SDK's own diagnostics.
  await Promise.race([provider.forceFlush?.().catch(() => undefined), late])
  clearTimeout(timer)
}

/** Tells both, or the one that there is. */
export function observeBoth(
  first: LogObserver | undefined,
  second: LogObserver | undefined,
): LogObserver | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return {
    onBatch: (...told) => {
      first.onBatch(...told)
      second.onBatch(...told)
    },
  }
}
