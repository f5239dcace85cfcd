/**
 * Rows of statements as a registry's look-ups answer them. They are hints: who relies on one gets the
 * statement with its Receipt and compares. Read strictly where a program would be misled, and
 * tolerant of members that are not known.
 */
import { InputError } from '../errors.ts'
import type {
  DescribedAttribute,
  DescribedDigest,
  DescribedNumber,
  Description,
  Finding,
} from '../payload/description.ts'

/** Where an entry is, and what it is. */
export interface StatementRow {
  readonly index: number
  /** Lowercase hex SHA-256 of the entry. */
  readonly entryId: string
  /** Seconds since 1970. */
  readonly registeredAt: number
  readonly issuer?: string
  readonly subject?: string
  readonly signer?: string
  readonly contentType?: string
  readonly kind: string
  readonly type: string
  readonly envelope?: { readonly digest: string; readonly preimage: string }
  /** Codes of the findings. */
  readonly findings: readonly string[]
}

/** Everything that a statement says. */
export type StatementFacts = Pick<Description, 'digests' | 'attributes' | 'numbers' | 'findings'>

export type JsonMembers = Readonly<Record<string, unknown>>

/** @throws InputError `ERR_RESPONSE`, always. */
export function failResponse(what: string): never {
  throw new InputError('ERR_RESPONSE', `the service's answer is of no known form: ${what}`)
}

/** @throws InputError `ERR_RESPONSE` unless it is an object. */
export function readObject(value: unknown, what: string): JsonMembers {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonMembers
  }
  return failResponse(`${what} is not an object`)
}

/** @throws InputError `ERR_RESPONSE` unless it is a list. */
export function readArray(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value)
    ? (value as readonly unknown[])
    : failResponse(`${what} is not a list`)
}

/** @throws InputError `ERR_RESPONSE` unless it is an integer of at least `min`. */
export function readInteger(value: unknown, what: string, min = 0): number {
  const isInteger = typeof value === 'number' && Number.isSafeInteger(value) && value >= min
  return isInteger ? value : failResponse(`${what} is not an integer`)
}

/** @throws InputError `ERR_RESPONSE` unless it is a text. */
export function readText(value: unknown, what: string): string {
  return typeof value === 'string' ? value : failResponse(`${what} is not a text`)
}

/** @throws InputError `ERR_RESPONSE` for what is no row. */
export function parseRow(value: unknown): StatementRow {
  const row = readObject(value, 'a row')
  const entryId = readText(row['entryId'], 'entryId')
  if (!/^[0-9a-f]{64}$/.test(entryId)) failResponse('entryId is not a SHA-256 in hex')
  const optional = ['issuer', 'subject', 'signer', 'contentType'] as const
  const texts = optional.flatMap((name) =>
    row[name] === undefined ? [] : [[name, readText(row[name], name)] as const],
  )
  const { envelope } = row
  return {
    index: readInteger(row['index'], 'index'),
    entryId,
    registeredAt: readInteger(row['registeredAt'], 'registeredAt'),
    ...(Object.fromEntries(texts) as Partial<StatementRow>),
    kind: readText(row['kind'], 'kind'),
    type: readText(row['type'], 'type'),
    ...(envelope === undefined ? {} : { envelope: parseEnvelope(envelope) }),
    findings: readArray(row['findings'], 'findings').map(findingCode),
  }
}

/** @throws InputError `ERR_RESPONSE` for anything else than facts of a statement. */
export function parseFacts(value: unknown): StatementFacts {
  const facts = readObject(value, 'facts')
  const list = (name: string): readonly JsonMembers[] =>
    readArray(facts[name], name).map((item) => readObject(item, name))
  return {
    digests: list('digests').map(
      (item) =>
        ({
          role: readText(item['role'], 'role'),
          algorithm: readText(item['algorithm'], 'algorithm'),
          value: readText(item['value'], 'value'),
        }) as DescribedDigest,
    ),
    attributes: list('attributes').map(
      (item) =>
        ({
          name: readText(item['name'], 'name'),
          value: readText(item['value'], 'value'),
        }) as DescribedAttribute,
    ),
    numbers: list('numbers').map(
      (item) => ({ name: readText(item['name'], 'name'), value: item['value'] }) as DescribedNumber,
    ),
    findings: list('findings').map(parseFinding),
  }
}

/** @throws InputError `ERR_RESPONSE`. */
function parseFinding(value: unknown): Finding {
  const finding = readObject(value, 'finding')
  const { pointer } = finding
  return {
    code: readText(finding['code'], 'code'),
    ...(pointer === undefined ? {} : { pointer: readText(pointer, 'pointer') }),
    message: readText(finding['message'], 'message'),
  }
}

/** Lists have codes, views whole findings. */
function findingCode(value: unknown): string {
  return typeof value === 'string' ? value : parseFinding(value).code
}

function parseEnvelope(value: unknown): NonNullable<StatementRow['envelope']> {
  const envelope = readObject(value, 'envelope')
  return {
    digest: readText(envelope['digest'], 'digest'),
    preimage: readText(envelope['preimage'], 'preimage'),
  }
}
