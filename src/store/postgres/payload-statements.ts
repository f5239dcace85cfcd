/** The SQL about payloads, shared by those who store, read, pin and delete them. */
import { assertInvariant } from '../../errors.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import type { Statement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** What a name finds: nothing, content, or the entry by which it was deleted. */
export interface PayloadRow {
  /** The SHA-256 that the name stands for. */
  readonly digest: Uint8Array
  /** Null unless the content is there and was asked for. */
  readonly bytes: Uint8Array | null
  readonly is_there: boolean
  /** Null unless it is there; what is collateral counts as pinned. */
  readonly pinned: boolean | null
  readonly pruned_by: Uint8Array | null
}

// SHA-256 names stand for themselves. One snapshot: content that moves between the tables is found.
const FIND = (bytes: string): string => `WITH named AS (
    SELECT $1::bytea AS digest WHERE length($1) = 32
    UNION ALL SELECT digest FROM payload_alias WHERE name = $1
  ), found AS (
    SELECT ${bytes} AS bytes, pinned FROM payload WHERE digest = (SELECT digest FROM named)
    UNION ALL
    SELECT ${bytes}, true FROM collateral WHERE digest = (SELECT digest FROM named) LIMIT 1
  )
  SELECT named.digest, found.bytes, found.pinned IS NOT NULL AS is_there, found.pinned,
    (SELECT entry_id FROM pruned_payload WHERE digest = named.digest) AS pruned_by
  FROM named LEFT JOIN found ON true`

const FIND_PAYLOAD: Statement = { name: 'find_payload', text: FIND('bytes') }
const HAS_PAYLOAD: Statement = { name: 'has_payload', text: FIND('NULL::bytea') }

/** `undefined` for a name that is not known; a SHA-256 always is. */
export async function findPayload(
  database: PostgresDatabase,
  { digest }: PayloadName,
): Promise<PayloadRow | undefined> {
  return (await database.query<PayloadRow>(FIND_PAYLOAD, [digest]))[0]
}

/** As {@link findPayload}, without the content. */
export async function lookForPayload(
  database: PostgresDatabase,
  { digest }: PayloadName,
): Promise<PayloadRow | undefined> {
  return (await database.query<PayloadRow>(HAS_PAYLOAD, [digest]))[0]
}

const ALGORITHMS: ReadonlyMap<number, PayloadName['algorithm']> = new Map([
  [32, 'SHA-256'],
  [48, 'SHA-384'],
  [64, 'SHA-512'],
])

/** The name of a stored digest. */
export function nameOfDigest(digest: Uint8Array): PayloadName {
  const algorithm = ALGORITHMS.get(digest.length)
  assertInvariant(algorithm !== undefined, 'a stored digest has a length of no known algorithm')
  return { algorithm, digest }
}
