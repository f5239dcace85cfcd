/**
 * `GET /feed`, ours: what is registered, in the order of the log (R37). As JSON, a page after an
 * index; as Server-Sent Events, all pages and then what comes. An event's id is its index, so a
 * consumer that reconnects with Last-Event-ID misses nothing.
 */
import type { Request, Response } from 'express'
import type { FeedRequest } from '../registry/read-feed.ts'
import type { HttpContext } from './context.ts'
import { answerJson } from './answer.ts'
import { PAGE_LIMIT } from './cursor.ts'
import { chooseType, MEDIA_TYPE } from './media-type.ts'
import { QueryParameters, refuse } from './query-parameters.ts'
import type { Resource } from './resource.ts'
import { readKind } from './statement-filters.ts'
import { rowJson } from './statement-json.ts'

const KNOWN = new Set(['after', 'kind', 'type', 'subject', 'limit'])
const AFTER = { min: -1, max: Number.MAX_SAFE_INTEGER - 1 }
const FORMS = { usual: MEDIA_TYPE.json, alternative: MEDIA_TYPE.eventStream } as const

export function feedResource({ registry, feeds }: HttpContext): Resource {
  return {
    path: '/feed',
    get: async (req: Request, res: Response) => {
      const request = readRequest(req)
      const form = chooseType<string>(req.headers.accept, FORMS)
      if (form === MEDIA_TYPE.eventStream && req.method !== 'HEAD') {
        feeds.open(res, request)
        return
      }
      const { treeSize, statements, next, more } = await registry.readFeed(request)
      answerJson(res, { treeSize, events: statements.map(rowJson), next, more })
    },
  }
}

function readRequest(req: Request): FeedRequest {
  const parameters = new QueryParameters(req.url, KNOWN)
  const [kind, type, subject] = [readKind(parameters), parameters.one('type'), parameters.one('subject')] // prettier-ignore
  return {
    after: readLastEventId(req) ?? parameters.integer('after', AFTER) ?? AFTER.min,
    limit: parameters.integer('limit', PAGE_LIMIT) ?? PAGE_LIMIT.usual,
    filter: {
      ...(kind === undefined ? {} : { kind }),
      ...(type === undefined ? {} : { type }),
      ...(subject === undefined ? {} : { subject }),
    },
  }
}

/** What a reconnecting client saw last: it counts more than the URL, which is that of its first try. */
function readLastEventId({ headers }: Request): number | undefined {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return undefined
  const index = typeof id === 'string' && /^[0-9]{1,16}$/.test(id) ? Number(id) : Number.NaN
  return index <= AFTER.max ? index : refuse('Last-Event-ID is an index of this feed')
}
