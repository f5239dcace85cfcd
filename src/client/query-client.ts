/**
 * A client of the look-ups of an Attestry registry: filters, pages, one artifact, one entry, the feed.
 * What it returns is what the service says; {@link QueryClient.statement} fetches the proof of a row.
 * The stream of events is feed-events.ts.
 */
import { ambientFetch, uniformRandom, waitWithTimer } from './ambient.ts'
import { exchange } from './exchange.ts'
import type { Answer, Fetch } from './exchange.ts'
import { serviceBase } from './location.ts'
import { Patience } from './patience.ts'
import {
  parseAnswer,
  parseArtifactPage,
  parseBuiltPage,
  parseFeedPage,
  parseStatementPage,
  parseStatementView,
  queryText,
} from './query-pages.ts'
import type {
  ArtifactPage,
  BuiltPage,
  FeedPage,
  QueryParameters,
  StatementPage,
  StatementView,
} from './query-pages.ts'
import { sendPatiently } from './send-patiently.ts'
import { isTemporary, problemOf, serviceError } from './service-error.ts'
import type { JsonMembers } from './statement-row.ts'

export interface QueryClientOptions {
  readonly url: string
  readonly fetch?: Fetch
  readonly wait?: (milliseconds: number) => Promise<void>
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number
  readonly requestTimeoutMs?: number
}

/** Records of a page may be large; more than this no honest service sends. */
const PAGE_BYTES_MAX = 64 * 1024 * 1024
const STATEMENT_BYTES_MAX = 1_048_576
const TRIES_MAX = 8
const WAIT_SECONDS_MAX = 60

/**
 * One registry.
 * @example
 * const client = new QueryClient({ url: 'https://log.example' })
 * const { statements } = await client.find({ digest: 'sha256:9f86…', kind: 'vsa' })
 */
export class QueryClient {
  readonly base: URL
  readonly fetch: Fetch
  readonly #options: QueryClientOptions

  /** @throws InputError `ERR_USAGE` when the URL is not a plain http or https URL. */
  constructor(options: QueryClientOptions) {
    this.base = serviceBase(options.url)
    this.fetch = options.fetch ?? ambientFetch
    this.#options = options
  }

  /**
   * One page of statements.
   * @throws InputError `ERR_REQUEST` for a parameter that the service refuses, `ERR_RESPONSE` for an
   * answer of no known form; NotFoundError `ERR_ROUTE_UNKNOWN` where no registry is; UnavailableError when it gives none.
   */
  async find(parameters: QueryParameters): Promise<StatementPage> {
    return parseStatementPage(await this.#get('statements', parameters))
  }

  /** All pages of a look-up; they cover the tree size of the first. Throws as {@link find}. */
  pages(parameters: QueryParameters): AsyncGenerator<StatementPage, void, undefined> {
    return followCursor((more) => this.find({ ...parameters, ...more }))
  }

  /** One entry, decoded. @throws NotFoundError `ERR_ENTRY_UNKNOWN`; and as {@link find}. */
  async view(entryId: string): Promise<StatementView> {
    return parseStatementView(await this.#get(`statements/${encodeURIComponent(entryId)}`))
  }

  /** One page of everything about an artifact, by `algorithm:value`. Throws as {@link find}. */
  async artifact(digest: string, parameters: QueryParameters = {}): Promise<ArtifactPage> {
    return parseArtifactPage(await this.#get(`artifacts/${encodeURIComponent(digest)}`, parameters))
  }

  /** All pages about an artifact; they cover the tree size of the first. Throws as {@link find}. */
  artifactPages(
    digest: string,
    parameters: QueryParameters,
  ): AsyncGenerator<ArtifactPage, void, undefined> {
    return followCursor((more) => this.artifact(digest, { ...parameters, ...more }))
  }

  /** One page of what was built in environments of a kind. Throws as {@link find}. */
  async built(parameters: QueryParameters): Promise<BuiltPage> {
    return parseBuiltPage(await this.#get('artifacts', parameters))
  }

  /** All pages of them; they cover the tree size of the first. Throws as {@link find}. */
  builtPages(parameters: QueryParameters): AsyncGenerator<BuiltPage, void, undefined> {
    return followCursor((more) => this.built({ ...parameters, ...more }))
  }

  /** Events after an index. Throws as {@link find}. */
  async feed(parameters: QueryParameters): Promise<FeedPage> {
    return parseFeedPage(await this.#get('feed', parameters))
  }

  /** The Transparent Statement of an entry, to be verified. Throws as {@link view}. */
  async statement(entryId: string): Promise<Uint8Array> {
    const path = `entries/${encodeURIComponent(entryId)}/statement`
    const answer = await this.#read(path, {
      accept: 'application/cose',
      bytesMax: STATEMENT_BYTES_MAX,
    })
    return answer.body
  }

  async #get(path: string, parameters: QueryParameters = {}): Promise<JsonMembers> {
    const query = queryText(parameters)
    const url = query === '' ? path : `${path}?${query}`
    const answer = await this.#read(url, { accept: 'application/json', bytesMax: PAGE_BYTES_MAX })
    return parseAnswer(answer.body, answer.url)
  }

  async #read(
    path: string,
    { accept, bytesMax }: { readonly accept: string; readonly bytesMax: number },
  ): Promise<Answer> {
    const {
      wait = waitWithTimer,
      random = uniformRandom,
      requestTimeoutMs = 30_000,
    } = this.#options
    const bounds = { triesMax: TRIES_MAX, waitSecondsMax: WAIT_SECONDS_MAX }
    const request = {
      fetch: this.fetch,
      accept: `${accept}, application/problem+json`,
      bodyBytesMax: bytesMax,
      timeoutMs: requestTimeoutMs,
    }
    const answer = await sendPatiently(
      () => exchange(new URL(path, this.base).href, request),
      new Patience({ wait, random, ...bounds }),
      isPassing,
    )
    if (answer.status === 200) return answer
    throw serviceError(answer)
  }
}

/** 204: registered, and its head is about to be signed. An index that is off stays off. */
function isPassing(answer: Answer): boolean {
  if (answer.status === 204) return true
  return isTemporary(answer.status) && problemOf(serviceError(answer))?.code !== 'ERR_INDEX_OFF'
}

/** Asks on as long as an answer has a cursor. */
async function* followCursor<Page extends { readonly next?: string }>(
  ask: (more: QueryParameters) => Promise<Page>,
): AsyncGenerator<Page, void, undefined> {
  let page = await ask({})
  yield page
  while (page.next !== undefined) {
    page = await ask({ cursor: page.next })
    yield page
  }
}
