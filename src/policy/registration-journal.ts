/**
 * The registration journal (design D5, schemas/registration-journal.schema.json): a statement by the
 * registrar key that commits to the tree when each entry of a range was registered, which collateral
 * it was admitted with, and who submitted it. Form only; that the ranges follow each other and agree
 * with the signed heads is for auditors to check (`monitor/`).
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers } from '../bytes/json-values.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'

/** What a piece of collateral is. */
export type CollateralKind =
  | 'x5chain' // CBOR array of DER certificates, leaf first, that the statement did not protect
  | 'submitter-claims' // JSON of the verified claims about who submitted
  | 'jwks' // the provider's key set that the token was verified with
  | 'preimage' // content of a hash envelope, as it is

/** One piece of collateral of one entry, by content. */
export interface JournalCollateral {
  readonly leafIndex: number
  /** `sha256:` and lowercase hex. */
  readonly digest: string
  readonly kind: CollateralKind
}

/** From `leafIndex` on, entries were registered at `registrationTime`. */
export interface JournalTime {
  readonly leafIndex: number
  readonly registrationTime: UnixSeconds
}

/** What a journal says about the entries [from, to). */
export interface RegistrationJournal {
  readonly from: number
  readonly to: number
  readonly times: readonly JournalTime[]
  readonly collateral: readonly JournalCollateral[]
  /** Digest of the submitter claims of an entry, also listed as its collateral. */
  readonly submitters: readonly { readonly leafIndex: number; readonly digest: string }[]
}

const JOURNAL: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'registration journal' }
const KINDS: readonly CollateralKind[] = ['x5chain', 'submitter-claims', 'jwks', 'preimage']
const DIGEST = /^sha256:[0-9a-f]{64}$/

/**
 * Parses the payload of a journal statement. Indexes ascend and lie in the range; the first time is
 * that of `from`, and times never fall (I5).
 * @throws InputError `ERR_PAYLOAD_MALFORMED`.
 */
export function parseRegistrationJournal(payload: Uint8Array): RegistrationJournal {
  const members = readMembers(
    parseStrictJson(payload, JOURNAL),
    { required: ['version', 'from', 'to', 'times', 'collateral', 'submitters'] },
    JOURNAL,
  )
  if (members['version'] !== 1) throw refused('is not of version 1')
  const from = readInteger(members['from'])
  const to = readInteger(members['to'])
  if (from >= to) throw refused('covers no entry')
  const rows = (name: string, width: number): (readonly unknown[])[] =>
    readRows(members[name], { from, to, width, name })
  const times = rows('times', 2).map(([index, seconds]) => ({
    leafIndex: index as number,
    registrationTime: readInteger(seconds),
  }))
  if (times[0]?.leafIndex !== from)
    throw refused('does not say when its first entry was registered')
  times.forEach(({ leafIndex, registrationTime }, at) => {
    const before = times[at - 1]
    if (before === undefined) return
    const falls = registrationTime < before.registrationTime || leafIndex === before.leafIndex
    if (falls) throw refused('has times that are not in order')
  })
  return {
    from,
    to,
    times,
    collateral: rows('collateral', 3).map(([index, digest, kind]) => ({
      leafIndex: index as number,
      digest: readDigest(digest),
      kind: readKind(kind),
    })),
    submitters: rows('submitters', 2).map(([index, digest]) => ({
      leafIndex: index as number,
      digest: readDigest(digest),
    })),
  }
}

/** The serialisation of a journal: members in the documented order, no white space. */
export function encodeRegistrationJournal(journal: RegistrationJournal): Uint8Array {
  const { from, to } = journal
  return encodeUtf8(
    JSON.stringify({
      version: 1,
      from,
      to,
      times: journal.times.map(({ leafIndex, registrationTime }) => [leafIndex, registrationTime]),
      collateral: journal.collateral.map(({ leafIndex, digest, kind }) => [
        leafIndex,
        digest,
        kind,
      ]),
      submitters: journal.submitters.map(({ leafIndex, digest }) => [leafIndex, digest]),
    }),
  )
}

interface RowsExpected {
  readonly from: number
  readonly to: number
  readonly width: number
  readonly name: string
}

function readRows(value: unknown, expected: RowsExpected): (readonly unknown[])[] {
  let last = expected.from
  return readList(value, JOURNAL).map((row) => {
    const list = readList(row, JOURNAL)
    const [index] = list
    const isRow = list.length === expected.width && typeof index === 'number'
    if (!isRow || !Number.isSafeInteger(index) || index < last || index >= expected.to) {
      throw refused(`has a row of "${expected.name}" that is out of order or out of its range`)
    }
    last = index
    return list
  })
}

function readInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw refused('has a number that is not an integer from 0 to 2^53-1')
  }
  return value
}

function readDigest(value: unknown): string {
  if (typeof value !== 'string' || !DIGEST.test(value)) {
    throw refused('has a digest that is not sha256: and 64 hex digits')
  }
  return value
}

function readKind(value: unknown): CollateralKind {
  const kind = KINDS.find((known) => known === value)
  if (kind === undefined) throw refused('names a kind of collateral that is not known')
  return kind
}

function refused(message: string): InputError {
  return new InputError(JOURNAL.code, `the ${JOURNAL.what} ${message}`)
}
