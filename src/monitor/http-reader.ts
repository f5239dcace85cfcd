/**
 * Reads a log over HTTP: plain GETs, no credentials, no redirects, sizes bounded. What a server says
 * is temporary (429, 5xx, no connection) is tried again a few times with growing pauses; time is the
 * caller's, through `wait`.
 */
import { exchange } from '../client/exchange.ts'
import type { Answer, Fetch } from '../client/exchange.ts'
import { readProblem } from '../client/problem-details.ts'
import { InputError, UnavailableError } from '../errors.ts'
import type { ResourceReader } from './resource-reader.ts'
import { resourceUrl } from './resource-reader.ts'

const TRIES_MAX = 6
const FIRST_PAUSE_MS = 250
const PAUSE_MS_MAX = 30_000
const TIMEOUT_MS = 60_000

export interface HttpReaderOptions {
  /** Prefix of the log, without a trailing slash. */
  readonly url: string
  readonly fetch: Fetch
  readonly wait: (milliseconds: number) => Promise<void>
}

/** A {@link ResourceReader} over HTTP. */
export function createHttpReader({ url, fetch, wait }: HttpReaderOptions): ResourceReader {
  const get = async (path: string, bodyBytesMax: number): Promise<Answer> => {
    let pause = FIRST_PAUSE_MS
    for (let tries = 1; ; tries++) {
      let failure: UnavailableError
      try {
        const answer = await exchange(resourceUrl(url, path), {
          fetch,
          accept: '*/*',
          bodyBytesMax,
          timeoutMs: TIMEOUT_MS,
        })
        if ((answer.status < 500 && answer.status !== 429) || isIndexOff(answer)) return answer
        const { retryAfterSeconds = 0 } = answer
        failure = new UnavailableError('ERR_NETWORK', `${answer.url} answered ${answer.status}`)
        pause = Math.max(pause, retryAfterSeconds * 1000)
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error
        failure = error
      }
      if (tries === TRIES_MAX) throw failure
      await wait(Math.min(pause, PAUSE_MS_MAX))
      pause *= 2
    }
  }
  return {
    name: url,
    hasIndex: true,
    async read(path, bytesMax) {
      const answer = await get(path, bytesMax)
      if (answer.status === 200) return answer.body
      if (answer.status === 404 || answer.status === 410 || isIndexOff(answer)) return undefined
      throw new InputError('ERR_RESPONSE', `${answer.url} answered ${answer.status}`)
    },
  }
}

/** A service that answers no look-ups will not do so in a moment either. */
function isIndexOff({ status, mediaType, body }: Answer): boolean {
  return status === 503 && readProblem(status, mediaType, body).code === 'ERR_INDEX_OFF'
}
