/**
 * What a successful answer's body is, by content rather than by label: a Receipt, a long-running
 * operation of an older generation (CBOR or JSON), or nothing. Types are checked leniently because
 * services differ (standards.md §6 rule 3); the Receipt itself is verified by whoever uses it.
 */
import { decodeCbor } from '../cbor/decode.ts'
import { decodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import type { Answer } from './exchange.ts'

/** A long-running registration as drafts -00 to -03 and CCF report it. */
export interface Operation {
  readonly kind: 'operation'
  readonly operationId?: string
  readonly entryId?: string
  readonly status: 'running' | 'succeeded' | 'failed'
  readonly error?: string
}

export type AnswerBody =
  | { readonly kind: 'empty' }
  | { readonly kind: 'receipt'; readonly receipt: Uint8Array }
  | Operation

const COSE_SIGN1_TAG = 0xd2

/**
 * Reads a 2xx body.
 * @throws InputError `ERR_RESPONSE` when it is none of the known forms.
 */
export function readAnswerBody(answer: Answer): AnswerBody {
  const { body, mediaType } = answer
  if (body.length === 0) return { kind: 'empty' }
  if (body[0] === COSE_SIGN1_TAG && !mediaType.includes('json') && !mediaType.startsWith('text/')) {
    return { kind: 'receipt', receipt: body }
  }
  const members = cborMembers(body) ?? jsonMembers(body)
  const operation = members === undefined ? undefined : readOperation(members)
  if (operation !== undefined) return operation
  throw new InputError(
    'ERR_RESPONSE',
    `${answer.url} answered ${answer.status} with neither a receipt nor an operation`,
  )
}

function cborMembers(body: Uint8Array): Map<string, unknown> | undefined {
  try {
    const decoded = decodeCbor(body)
    if (!(decoded instanceof Map)) return undefined
    return lowerCaseNames(decoded as ReadonlyMap<unknown, unknown>)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}

function jsonMembers(body: Uint8Array): Map<string, unknown> | undefined {
  let decoded: unknown
  try {
    decoded = JSON.parse(decodeUtf8(body))
  } catch {
    return undefined
  }
  if (typeof decoded !== 'object' || decoded === null) return undefined
  return lowerCaseNames(Object.entries(decoded))
}

/** `OperationId`, `OperationID`, `operationId`, `operation_id`: one name. */
function lowerCaseNames(entries: Iterable<readonly [unknown, unknown]>): Map<string, unknown> {
  const members = new Map<string, unknown>()
  for (const [name, value] of entries) {
    if (typeof name === 'string') members.set(name.toLowerCase().replaceAll('_', ''), value)
  }
  return members
}

function readOperation(members: ReadonlyMap<string, unknown>): Operation | undefined {
  const operationId = identifier(members.get('operationid'))
  const entryId = identifier(members.get('entryid'))
  const status = members.get('status')
  if (operationId === undefined && entryId === undefined && typeof status !== 'string') {
    return undefined
  }
  const error = members.get('error')
  return {
    kind: 'operation',
    ...(operationId === undefined ? {} : { operationId }),
    ...(entryId === undefined ? {} : { entryId }),
    status: operationStatus(status, entryId),
    ...(error === undefined ? {} : { error: errorText(error) }),
  }
}

function operationStatus(status: unknown, entryId: string | undefined): Operation['status'] {
  const word = typeof status === 'string' ? status.toLowerCase() : ''
  if (word === 'failed' || word === 'error' || word === 'rejected') return 'failed'
  if (word === 'succeeded' || word === 'success' || word === 'completed') return 'succeeded'
  return word === '' && entryId !== undefined ? 'succeeded' : 'running'
}

/** Ids are opaque; some services count. */
function identifier(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value
  return Number.isSafeInteger(value) || typeof value === 'bigint' ? String(value) : undefined
}

function errorText(error: unknown): string {
  const members =
    error instanceof Map
      ? [...(error as Map<unknown, unknown>).values()]
      : typeof error === 'object' && error !== null
        ? Object.values(error)
        : [error]
  const text = members.filter((member) => typeof member === 'string').join(': ')
  return text.slice(0, 500).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
}
