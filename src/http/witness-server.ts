/**
 * The HTTP face of a witness for other logs (C2SP tlog-witness): `POST /add-checkpoint`, and
 * `GET /{hex SHA-256 of the origin}/checkpoint` for monitors. Statuses are those of the
 * specification, in one table here; problems are JSON. Both prefixes are the server's own address.
 */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import express from 'express'
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { AttestryError, NotFoundError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { verifierKeyOf } from '../note/note-signer.ts'
import { encodeVerifierKey } from '../note/verifier-key.ts'
import {
  encodeCosignatureLines,
  encodeTreeSizeConflict,
  TREE_SIZE_MEDIA_TYPE,
} from '../note/witness-messages.ts'
import { cosignCheckpoint, readCosigned } from '../registry/cosign-checkpoint.ts'
import type { WitnessPorts } from '../registry/cosign-checkpoint.ts'
import { answer, answerMutable, NO_STORE } from './answer.ts'
import { boundConnections } from './connections.ts'
import { HTTP_LIMITS } from './limits.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { encodeProblem } from './problem-document.ts'
import { describeProblem } from './problem.ts'
import type { ProblemReport } from './problem.ts'
import { readBody } from './request-body.ts'
import { mountResource } from './resource.ts'
import type { Resource } from './resource.ts'
import { answerRequests } from './unparsed-requests.ts'

/** Largest `add-checkpoint` request: 63 hashes and a few signatures (transparency-log.md §2.5). */
export const WITNESS_BODY_BYTES_MAX = 16_384

const TEXT = 'text/plain; charset=utf-8'

/** Statuses of tlog-witness where they differ from what the same error is in a registry. */
const STATUSES: Partial<Readonly<Record<ErrorCode, readonly [number, string]>>> = {
  ERR_CHECKPOINT_ORIGIN: [404, 'Not Found'],
  ERR_NOTE_SIGNATURE: [403, 'Forbidden'],
  ERR_CONSISTENCY: [422, 'Unprocessable Content'],
  ERR_ROOT_MISMATCH: [422, 'Unprocessable Content'],
}

/** A witness, and who is told of failures that are ours. */
export interface WitnessServerOptions {
  readonly witness: WitnessPorts
  readonly onFailure: (error: unknown, requestId: string) => void
}

/** A server that does not listen yet. */
export function createWitnessServer({ witness, onFailure }: WitnessServerOptions): Server {
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', false)
  app.enable('case sensitive routing').enable('strict routing')
  const gate = (_req: Request, res: Response, next: NextFunction): void => {
    if (!server.listening) res.shouldKeepAlive = false
    next()
  }
  for (const resource of [
    addCheckpointResource(witness),
    monitoringResource(witness),
    keyResource(witness),
  ]) {
    mountResource(app, resource, gate)
  }
  app.use((_req: Request) => {
    throw new NotFoundError('ERR_ROUTE_UNKNOWN', 'there is no such resource')
  })
  app.use(createWitnessErrorHandler(onFailure))
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs: requestTimeout } = HTTP_LIMITS
  const server = createServer({ headersTimeout, requestTimeout, requireHostHeader: false })
  boundConnections(server, HTTP_LIMITS)
  answerRequests(server, app)
  return server
}

function addCheckpointResource(witness: WitnessPorts): Resource {
  return {
    path: '/add-checkpoint',
    post: async (req: Request, res: Response) => {
      const body = await readBody(req, res, WITNESS_BODY_BYTES_MAX)
      const result = await cosignCheckpoint(body, witness)
      if (result.kind === 'cosigned') {
        answerMutable(res, TEXT, encodeCosignatureLines(result.signatures))
        return
      }
      answer(res, {
        status: 409,
        headers: { 'Content-Type': TREE_SIZE_MEDIA_TYPE, 'Cache-Control': NO_STORE },
        body: encodeTreeSizeConflict(result.treeSize),
      })
    },
  }
}

function monitoringResource(witness: WitnessPorts): Resource {
  const origins = new Map(
    [...witness.logs.keys()].map((origin) => [encodeHex(sha256(encodeUtf8(origin))), origin]),
  )
  return {
    path: '/:originHash/checkpoint',
    get: async (req: Request, res: Response) => {
      const origin = origins.get(String(req.params['originHash']))
      const checkpoint = origin === undefined ? undefined : await readCosigned(origin, witness)
      if (checkpoint === undefined) {
        throw new NotFoundError('ERR_HEAD_UNKNOWN', 'no checkpoint of this origin was cosigned')
      }
      answerMutable(res, TEXT, checkpoint)
    },
  }
}

/** For operators who pin this witness: its verifier key and the origins that it knows. */
function keyResource({ signer, logs }: WitnessPorts): Resource {
  const vkey = encodeVerifierKey(verifierKeyOf(signer, 'cosignature/v1'))
  const body = encodeUtf8(JSON.stringify({ name: signer.name, vkey, origins: [...logs.keys()] }))
  return {
    path: '/',
    get: (_req: Request, res: Response) => {
      answerMutable(res, MEDIA_TYPE.json, body)
    },
  }
}

function createWitnessErrorHandler(
  onFailure: WitnessServerOptions['onFailure'],
): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, _req: Request, res: Response, _next: NextFunction): void => {
    const described = describeWitnessProblem(error)
    const isInternal = described.status === 500
    const report = isInternal ? { ...described, requestId: crypto.randomUUID() } : described
    if (report.requestId !== undefined) onFailure(error, report.requestId)
    if (res.headersSent || res.destroyed) {
      res.destroy()
      return
    }
    // The root is a resource of ours, and its problems are JSON: the form is chosen by path.
    const { type, body } = encodeProblem(report, { path: '/' })
    const allow = res.locals['allow'] as string | undefined
    const headers = {
      'Content-Type': type,
      'Cache-Control': NO_STORE,
      ...(allow === undefined ? {} : { Allow: allow }),
    }
    answer(res, { status: report.status, headers, body })
  }
}

function describeWitnessProblem(error: unknown): ProblemReport {
  const report = describeProblem(error)
  if (!(error instanceof AttestryError)) return report
  const [status, title] = STATUSES[(error as AttestryError).code] ?? [report.status, report.title]
  return { ...report, status, title }
}
