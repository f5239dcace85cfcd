/**
 * The SQL that reads the index, in one place; tables are described in `migrations/sqlite-index`. Every read
 * is a range of a key that begins where it is told to and ends at its `LIMIT`:
 * test/store/index-plans.test.ts holds each of them to that.
 */
import type { LeafIndex } from '../../bytes/integers.ts'
import { ENVELOPES_MAX } from '../../log/index-store.ts'
import { blob } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import { storedValue } from './index-facts.ts'
import { prepareAll } from './statements.ts'
import { hashValue, readHashKey } from './value-hash.ts'

export type ColumnName =
  'kind' | 'type' | 'issuer' | 'subject' | 'signer' | 'contentType' | 'envelope'

/** What values of columns and filters are values of, in `field.name`. */
export const FIELD: Readonly<Record<ColumnName, string>> = {
  kind: 'kind',
  type: 'type',
  issuer: 'issuer',
  subject: 'subject',
  signer: 'signer',
  contentType: 'content-type',
  envelope: 'envelope',
}

/** Filters of the statement's own columns; the others follow their names. */
export const attributeField = (name: string): string => `attribute:${name}`
export const numberField = (name: string): string => `number:${name}`
export const svnField = (name: string): string => `svn:${name}`

/** What {@link attributeField} or {@link numberField} was given. */
export const nameOf = (field: string): string => field.slice(field.indexOf(':') + 1)

/** Texts of a row of `statement`, whose columns hold terms. */
const LISTED = `SELECT s.leaf_index, s.entry_id, s.registration_time, s.preimage_read, s.findings,
    kind.value AS kind, type.value AS type, issuer.value AS issuer, subject.value AS subject,
    signer.value AS signer, content.value AS content_type, envelope.value AS envelope
  FROM statement s
  LEFT JOIN term kind ON kind.term_id = s.kind
  LEFT JOIN term type ON type.term_id = s.type
  LEFT JOIN term issuer ON issuer.term_id = s.issuer
  LEFT JOIN term subject ON subject.term_id = s.subject
  LEFT JOIN term signer ON signer.term_id = s.signer
  LEFT JOIN term content ON content.term_id = s.content_type
  LEFT JOIN term envelope ON envelope.term_id = s.envelope
  WHERE s.leaf_index = ?`

type ReadName =
  | 'readProgress'
  | 'findField'
  | 'findTerm'
  | 'findTerms'
  | 'readListed'
  | 'readTerms'
  | 'readEntryId'
  | 'postingsUp'
  | 'postingsDown'
  | 'readFact'
  | 'hasPosting'
  | 'numbersUp'
  | 'numbersDown'
  | 'numbersBetween'
  | 'svnsUp'
  | 'svnsDown'
  | 'numberFields'
  | 'svnFields'
  | 'readNumbers'
  | 'firstSince'
  | 'absentPreimages'
  | 'readTerm'
  | 'lastTerm'
  | 'lastSecond'
/** Values that `findTerms` looks for. */
export const LOOK_UP_ROWS = 32

export const INDEX_READS: Readonly<Record<ReadName, string>> = {
  readProgress: 'SELECT log_id, made_by, tree_size, hash_key FROM progress WHERE id = 1',
  findField: 'SELECT field_id FROM field WHERE name = ?',
  // Few values share a hash, if any; only the value decides.
  findTerm: `SELECT term.term_id FROM term_hash JOIN term ON term.term_id = term_hash.term_id
    WHERE term_hash.hash = ? AND term.field_id = ? AND term.value = ?`,
  findTerms: `SELECT term_hash.hash, term.term_id, term.field_id, term.value
    FROM term_hash JOIN term ON term.term_id = term_hash.term_id
    WHERE term_hash.hash IN (${Array(LOOK_UP_ROWS).fill('?').join(', ')})`,
  readListed: LISTED,
  readTerms: `SELECT kind, type, issuer, subject, signer, envelope, facts FROM statement
    WHERE leaf_index = ?`,
  readEntryId: 'SELECT entry_id FROM statement WHERE leaf_index = ?',
  postingsUp: `SELECT leaf_index FROM posting WHERE term_id = ? AND role = ? AND leaf_index >= ?
    ORDER BY leaf_index LIMIT ?`,
  postingsDown: `SELECT leaf_index FROM posting WHERE term_id = ? AND role = ? AND leaf_index <= ?
    ORDER BY leaf_index DESC LIMIT ?`,
  // A fact counts only if it is found by its term, too: `findRecords` shows what look-ups show.
  readFact: `SELECT field.name, term.value FROM posting
    JOIN term ON term.term_id = posting.term_id JOIN field ON field.field_id = term.field_id
    WHERE posting.term_id = ? AND posting.role = ? AND posting.leaf_index = ?`,
  hasPosting: 'SELECT 1 FROM posting WHERE term_id = ? AND role = ? AND leaf_index = ?',
  // Values of one statement are judged together: `passed` says whether any is in the range.
  numbersUp: `SELECT leaf_index, max(value >= ? AND value <= ?) AS passed, count(*) AS found
    FROM number WHERE field_id = ? AND leaf_index >= ?
    GROUP BY leaf_index ORDER BY leaf_index LIMIT ?`,
  numbersDown: `SELECT leaf_index, max(value >= ? AND value <= ?) AS passed, count(*) AS found
    FROM number WHERE field_id = ? AND leaf_index <= ?
    GROUP BY leaf_index ORDER BY leaf_index DESC LIMIT ?`,
  numbersBetween: `SELECT leaf_index FROM number WHERE field_id = ? AND value >= ? AND value <= ?
    LIMIT ?`,
  // Whether a version is below another is judged outside; values of one statement come together.
  svnsUp: `SELECT leaf_index, group_concat(hex(value)) AS hexes, count(*) AS found
    FROM svn WHERE field_id = ? AND leaf_index >= ?
    GROUP BY leaf_index ORDER BY leaf_index LIMIT ?`,
  svnsDown: `SELECT leaf_index, group_concat(hex(value)) AS hexes, count(*) AS found
    FROM svn WHERE field_id = ? AND leaf_index <= ?
    GROUP BY leaf_index ORDER BY leaf_index DESC LIMIT ?`,
  // ';' follows ':'.
  numberFields: "SELECT field_id, name FROM field WHERE name >= 'number:' AND name < 'number;'",
  svnFields: "SELECT field_id, name FROM field WHERE name >= 'svn:' AND name < 'svn;'",
  readNumbers: 'SELECT value FROM number WHERE field_id = ? AND leaf_index = ? ORDER BY value',
  firstSince: `SELECT leaf_index FROM second WHERE registration_time >= ?
    ORDER BY registration_time LIMIT 1`,
  absentPreimages: `SELECT DISTINCT envelope FROM statement
    WHERE preimage_read = 0 AND envelope > ? ORDER BY envelope LIMIT ?`,
  readTerm: 'SELECT value FROM term WHERE term_id = ?',
  lastTerm: 'SELECT max(term_id) FROM term',
  lastSecond: 'SELECT max(registration_time) FROM second',
}

export type IndexReads = Readonly<Record<ReadName, SqliteStatement>> & {
  /** Of a value of a field, as in `term_hash`. */
  readonly hashOf: (fieldId: number, text: string) => number
}

/** Statements of one column that give values instead of rows. */
const VALUES: readonly ReadName[] = [
  ...(['findField', 'findTerm', 'readEntryId', 'readTerm', 'lastTerm'] as const),
  ...(['postingsUp', 'postingsDown', 'hasPosting', 'numbersBetween', 'readNumbers'] as const),
  ...(['firstSince', 'lastSecond', 'absentPreimages'] as const),
]

export function prepareIndexReads(database: SqliteDatabase): IndexReads {
  const reads = prepareAll(database, INDEX_READS)
  for (const name of VALUES) reads[name].pluck()
  const { hash_key: bytes } = reads.readProgress.get() as { readonly hash_key: unknown }
  const key = readHashKey(blob(bytes))
  return { ...reads, hashOf: (fieldId, text) => hashValue(key, fieldId, text) }
}

/** The term of a value, if any statement has it. */
export function findTermId(reads: IndexReads, field: string, text: string): number | undefined {
  const fieldId = findFieldId(reads, field)
  if (fieldId === undefined) return undefined
  const hash = reads.hashOf(fieldId, text)
  return reads.findTerm.get(hash, fieldId, storedValue(text)) as number | undefined
}

export function findFieldId(reads: IndexReads, field: string): number | undefined {
  return reads.findField.get(field) as number | undefined
}

/** Entries that are hash envelopes of a digest, as `IndexReader` names them. */
export function findEnvelopes(reads: IndexReads, digest: string, from: number): LeafIndex[] {
  const termId = findTermId(reads, FIELD.envelope, digest)
  if (termId === undefined) return []
  return reads.postingsUp.all(termId, 0, from, ENVELOPES_MAX) as LeafIndex[]
}
