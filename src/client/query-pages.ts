/**
 * Pages of a registry's look-ups: their types, how an answer is parsed, and how a question is written.
 */
import { decodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { parseBoundEvidence, parseBuildEnvironment } from './bound-evidence.ts'
import type { BoundEvidence, BuildEnvironment } from './bound-evidence.ts'
import {
  failResponse,
  parseFacts,
  parseRow,
  readArray,
  readInteger,
  readObject,
  readText,
} from './statement-row.ts'
import type { JsonMembers, StatementFacts, StatementRow } from './statement-row.ts'

/** Parameters of a look-up by their public names; docs/querying.md lists them. */
export type QueryParameters = Readonly<Record<string, string | readonly string[]>>

export interface StatementPage {
  readonly treeSize: number
  readonly statements: readonly (StatementRow & { readonly facts?: StatementFacts })[]
  /** Cursor of the next page; absent at the end. */
  readonly next?: string
}

export interface FeedPage {
  readonly treeSize: number
  readonly events: readonly StatementRow[]
  /** What to ask after next. */
  readonly next: number
  readonly more: boolean
}

export interface RelatedDigests {
  readonly total: number
  readonly digests: readonly string[]
}

export interface ArtifactRow extends StatementRow {
  readonly roles: readonly string[]
  readonly dependencies?: RelatedDigests
  readonly subjects?: RelatedDigests
  /** Of a provenance of the artifact. */
  readonly evidence?: readonly BoundEvidence[]
  readonly buildEnvironment?: BuildEnvironment
}

/** A provenance, what it is about, and evidence of where it was built. */
export interface BuiltArtifacts {
  readonly artifacts: RelatedDigests
  readonly provenance: StatementRow
  readonly evidence: BoundEvidence
}

export interface BuiltPage {
  readonly treeSize: number
  readonly builds: readonly BuiltArtifacts[]
  readonly next?: string
}

export interface ArtifactPage {
  readonly treeSize: number
  readonly aliases: {
    readonly digests: readonly string[]
    readonly purls: readonly string[]
    readonly names: readonly string[]
  }
  readonly statements: readonly ArtifactRow[]
  readonly next?: string
}

export interface StatementView {
  readonly row: StatementRow
  readonly facts: StatementFacts
  readonly treeSize: number
  /** The whole answer. */
  readonly json: JsonMembers
}

/**
 * @param from who answered, for the message.
 * @throws InputError `ERR_RESPONSE` unless the body is a JSON object.
 */
export function parseAnswer(body: Uint8Array, from: string): JsonMembers {
  let value: unknown
  try {
    value = JSON.parse(decodeUtf8(body))
  } catch (cause) {
    throw new InputError('ERR_RESPONSE', `${from} did not answer with JSON`, { cause })
  }
  return readObject(value, 'the body')
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseStatementPage(page: JsonMembers): StatementPage {
  const statements = readArray(page['statements'], 'statements').map((value) => {
    const { facts } = readObject(value, 'a row')
    const row = parseRow(value)
    return facts === undefined ? row : { ...row, facts: parseFacts(facts) }
  })
  return { treeSize: readInteger(page['treeSize'], 'treeSize'), statements, ...nextOf(page) }
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseStatementView(json: JsonMembers): StatementView {
  const treeSize = readInteger(json['treeSize'], 'treeSize')
  return { row: parseRow(json), facts: parseFacts(json), treeSize, json }
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseArtifactPage(page: JsonMembers): ArtifactPage {
  const aliases = readObject(page['aliases'], 'aliases')
  return {
    treeSize: readInteger(page['treeSize'], 'treeSize'),
    aliases: {
      digests: readArray(aliases['digests'], 'digests').map(digestText),
      purls: texts(aliases['purls'], 'purls'),
      names: texts(aliases['names'], 'names'),
    },
    statements: readArray(page['statements'], 'statements').map(artifactRow),
    ...nextOf(page),
  }
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseBuiltPage(page: JsonMembers): BuiltPage {
  const builds = readArray(page['builds'], 'builds').map((value) => {
    const built = readObject(value, 'a build')
    return {
      artifacts: related(built['artifacts']),
      provenance: parseRow(built['provenance']),
      evidence: parseBoundEvidence(built['evidence']),
    }
  })
  return { treeSize: readInteger(page['treeSize'], 'treeSize'), builds, ...nextOf(page) }
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseFeedPage(page: JsonMembers): FeedPage {
  const { more } = page
  return {
    treeSize: readInteger(page['treeSize'], 'treeSize'),
    events: readArray(page['events'], 'events').map(parseRow),
    next: readInteger(page['next'], 'next', -1),
    more: typeof more === 'boolean' ? more : failResponse('more is neither true nor false'),
  }
}

/** Parameters as the query part of a URL; what is given several times stands there several times. */
export function queryText(parameters: QueryParameters): string {
  const search = new URLSearchParams()
  for (const [name, values] of Object.entries(parameters)) {
    for (const value of typeof values === 'string' ? [values] : values) search.append(name, value)
  }
  return search.toString()
}

function nextOf({ next }: JsonMembers): { readonly next?: string } {
  return next === undefined ? {} : { next: readText(next, 'next') }
}

function artifactRow(value: unknown): ArtifactRow {
  const row = readObject(value, 'a row')
  const { dependencies, subjects, evidence, buildEnvironment: environment } = row
  return {
    ...parseRow(value),
    roles: texts(row['roles'], 'roles'),
    ...(dependencies === undefined ? {} : { dependencies: related(dependencies) }),
    ...(subjects === undefined ? {} : { subjects: related(subjects) }),
    ...(evidence === undefined
      ? {}
      : { evidence: readArray(evidence, 'evidence').map(parseBoundEvidence) }),
    ...(environment === undefined ? {} : { buildEnvironment: parseBuildEnvironment(environment) }),
  }
}

function related(value: unknown): RelatedDigests {
  const found = readObject(value, 'related digests')
  return {
    total: readInteger(found['total'], 'total'),
    digests: texts(found['digests'], 'digests'),
  }
}

function digestText(value: unknown): string {
  const digest = readObject(value, 'digest')
  return `${readText(digest['algorithm'], 'algorithm')}:${readText(digest['value'], 'value')}`
}

function texts(value: unknown, what: string): string[] {
  return readArray(value, what).map((item) => readText(item, what))
}
