/** `attestry query feed`: what is registered, in the order of the log, and on as it comes. */
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'
import { followFeed } from '../client/feed-events.ts'
import type { QueryClient } from '../client/query-client.ts'
import { CliError } from './cli-error.ts'
import { addCommand, reportError, run } from './command.ts'
import type { Report } from './command.ts'
import { Printer } from './feed-printer.ts'
import type { Filters } from './query/arguments.ts'
import { addLookupOptions, openClient, readFilters } from './query/options.ts'
import type { LookupOptions } from './query/options.ts'
import { RowVerifier } from './query/verify-row.ts'
import { collect } from './option-values.ts'
import { readStateFile, writeStateFile } from './state-file.ts'
import { untilSignal } from './until-signal.ts'

const HELP = `
One line an event, with --json one object a line; --follow goes on as entries come, over
Server-Sent Events. With --state the place is kept in a file: killed at any moment, the next run
goes on there, and events after the last time it was saved come again, with the same index. To act
on entries that are proven to be in the tree, use attestry monitor.

Exit status: 0 at the end of the feed, or ended by a signal; 1 failed, or a row is wrong; 3 a row
could not be verified; 4 wrong command line.

Examples:
  $ attestry query feed --url https://log.example.org --state feed.state --follow --json
  $ attestry query feed --url https://log.example.org --after 1000 --kind incident
`

interface FeedOptions extends LookupOptions {
  readonly after?: number
  readonly state?: string
  readonly kind?: readonly string[]
  readonly type?: readonly string[]
  readonly subject?: readonly string[]
  readonly follow?: boolean
}

const PAGE = '500'
/** An interruption repeats at most the events of so long. */
const SAVE_MS = 200

export function addQueryFeed(query: Command): void {
  const command = addCommand(query, 'feed', { description: 'print what is registered, as it comes', help: HELP }) // prettier-ignore
  addLookupOptions(command)
    .option('--after <index>', 'index of the last event that you have', parseAfter)
    .option('--state <file>', 'keep the place in this file; made at the first run')
    .option('--kind <kind>', 'only statements of this kind', collect)
    .option('--type <type>', 'only this predicate type or media type', collect)
    .option('--subject <subject>', 'only this subject', collect)
    .option('--follow', 'go on as entries come')
    .action(run(feed))
}

function parseAfter(text: string): number {
  if (/^(-1|[0-9]{1,15})$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected an index, or -1 for the beginning')
}

async function feed(options: FeedOptions): Promise<Report | undefined> {
  const filters = readFilters(options)
  const client = openClient(options)
  const verifier = await RowVerifier.from(client, options)
  const place = await Place.open(options)
  const ending = new AbortController()
  void untilSignal().then(() => {
    ending.abort()
  })
  const printer = new Printer(options.json === true, verifier)
  const { signal } = ending
  try {
    await readPages(client, { filters, place, printer, signal })
    if (options.follow === true) await follow(client, { filters, place, printer, signal })
  } finally {
    await place.save()
  }
  process.exitCode = printer.exitCode
  return undefined
}

interface FeedParts {
  readonly filters: Filters
  readonly place: Place
  readonly printer: Printer
  readonly signal: AbortSignal
}

/** Everything that is there already, in pages. */
async function readPages(
  client: QueryClient,
  { filters, place, printer, signal }: FeedParts,
): Promise<void> {
  for (let hasMore = true; hasMore && !signal.aborted;) {
    const parameters = { ...filters, limit: PAGE, after: String(place.after) }
    const page = await client.feed(parameters)
    await printer.print(page.events)
    await place.move(page.next)
    hasMore = page.more
  }
}

async function follow(
  client: QueryClient,
  { filters, place, printer, signal }: FeedParts,
): Promise<void> {
  const signals = followFeed(client, {
    ...{ parameters: filters, after: place.after, signal },
    onReconnect: (error) => reportError(error, false),
  })
  for await (const { event, position } of signals) {
    if (event !== undefined) await printer.print([event])
    await place.move(position)
  }
}

/** Where the consumer is, and the file that it survives in. */
class Place {
  after: number
  readonly #url: string
  readonly #path: string | undefined
  #saved: number
  #savedAt = performance.now()
  /** Of the events since then, should none come after them. */
  #saveLater: NodeJS.Timeout | undefined
  /** One save after the other; once one failed, all do. */
  #saving: Promise<void> = Promise.resolve()

  private constructor({ url, state }: FeedOptions, after: number) {
    this.#url = url
    this.#path = state
    this.after = after
    this.#saved = after
  }

  static async open(options: FeedOptions): Promise<Place> {
    const { state, url, after } = options
    const stored = state === undefined ? undefined : await readStateFile(state)
    if (stored === undefined) return new Place(options, after ?? -1)
    if (after !== undefined) {
      throw new CliError('ERR_USAGE', `${state!} has a place already; --after is for the first run`)
    }
    return new Place(options, readPlace(stored, { path: state!, url }))
  }

  async move(after: number): Promise<void> {
    this.after = Math.max(this.after, after)
    if (performance.now() - this.#savedAt >= SAVE_MS) await this.save()
    // The next move tells of a failure, or the last save.
    else this.#saveLater ??= setTimeout(() => void this.save().catch(() => undefined), SAVE_MS)
  }

  save(): Promise<void> {
    clearTimeout(this.#saveLater)
    this.#saveLater = undefined
    this.#saving = this.#saving.then(() => this.#write())
    return this.#saving
  }

  async #write(): Promise<void> {
    if (this.#path === undefined || this.#saved === this.after) return
    const { after } = this
    const text = JSON.stringify({ version: 1, url: this.#url, after })
    await writeStateFile(this.#path, encodeUtf8(`${text}\n`))
    this.#saved = after
    this.#savedAt = performance.now()
  }
}

function readPlace(bytes: Uint8Array, { path, url }: { path: string; url: string }): number {
  let place: { readonly version?: unknown; readonly url?: unknown; readonly after?: unknown }
  try {
    place = JSON.parse(decodeUtf8(bytes)) as typeof place
  } catch (cause) {
    throw new CliError('ERR_FILE', `${path} is no state of a feed`, { cause })
  }
  const { version, after } = place
  if (version !== 1 || typeof after !== 'number' || !Number.isSafeInteger(after) || after < -1) {
    throw new CliError('ERR_FILE', `${path} is no state of a feed`)
  }
  if (place.url === url) return after
  throw new CliError('ERR_USAGE', `${path} is the place in another log, ${String(place.url)}`)
}
