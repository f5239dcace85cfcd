/**
 * Arguments of look-ups, read as a registry of this version would read them: what is wrong with them is
 * told before anybody is asked, and as a wrong command line.
 */
import { InvalidArgumentError } from 'commander'
import { queryText } from '../../client/query-pages.ts'
import { InputError } from '../../errors.ts'
import { FILTER_PARAMETERS } from '../../http/filter-parameters.ts'
import { QueryParameters } from '../../http/query-parameters.ts'
import { parseDigest, readFilter } from '../../http/statement-filters.ts'
import { CliError } from '../cli-error.ts'

const KNOWN: ReadonlySet<string> = new Set(FILTER_PARAMETERS)

/** Filters by their parameters. */
export type Filters = Readonly<Record<string, string | readonly string[]>>

/** Returns the filters. @throws CliError `ERR_USAGE` that names the option. */
export function checkFilters(filters: Filters): Filters {
  try {
    readFilter(new QueryParameters(`?${queryText(filters)}`, KNOWN))
    return filters
  } catch (cause) {
    throw new CliError('ERR_USAGE', reasonOf(cause), { cause })
  }
}

/** `algorithm:value`, with the hex of known hashes in lower case. */
export function parseArtifact(text: string): string {
  try {
    const { algorithm, value } = parseDigest(text)
    return `${algorithm}:${value}`
  } catch (cause) {
    throw new InvalidArgumentError(reasonOf(cause))
  }
}

/** The id of an entry, in any case. */
export function parseEntryId(text: string): string {
  const entryId = text.toLowerCase()
  if (/^[0-9a-f]{64}$/.test(entryId)) return entryId
  throw new InvalidArgumentError('expected 64 hex digits, as attestry query statements shows them')
}

/** The order of rows. */
export function parseOrder(text: string): string {
  if (text === 'descending' || text === 'ascending') return text
  throw new InvalidArgumentError('expected descending or ascending')
}

/** The option of a parameter. */
export function optionName(parameter: string): string {
  return `--${parameter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** What a registry would say, with the name of the option for that of the parameter. */
function reasonOf(error: unknown): string {
  if (!(error instanceof InputError)) throw error
  return error.message.replace(/^query: (\w+)/, (_, word: string) =>
    KNOWN.has(word) ? optionName(word) : word,
  )
}
