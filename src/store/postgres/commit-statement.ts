/**
 * A whole batch as ONE statement, hence one round trip and one transaction: a node that stops in the
 * middle of anything never holds the row of the head. The UPDATE of that row orders the batches of all
 * nodes, its comparison fences them, and every other part writes only what follows from it. All bytes
 * travel as one value, cut in SQL: arrays of bytea would travel as text (libraries §8).
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { assertInvariant } from '../../errors.ts'
import type { BatchCommit, NewCollateral } from '../../log/store.ts'
import type { Statement } from './connection.ts'
import { storedHeadValues } from './rows.ts'

/** Told after every commit; one for all logs of a database, since it is only a wake-up. */
export const CHANNEL = 'attestry_log'

/**
 * One row, {@link CommitRow}. What must not be: a tile that is not
 * extended but changed, another root for a signed size, other bytes under a digest, become NULL where
 * none may be, and fail the statement; so does an entry that is stored already.
 */
export const COMMIT: Statement = {
  name: 'commit_batch',
  text: `WITH moved AS (
    UPDATE log SET tree_size = $1, root_hash = $2, registration_time = $3, policy_index = $4
    WHERE id = 1 AND tree_size = $5 AND root_hash = $6 AND registration_time = $7
      AND policy_index = $8 AND epoch = $9 AND (frozen_at IS NULL OR $18)
    RETURNING 1
  ), new_batch AS (
    INSERT INTO batch SELECT $1, $2, $3 FROM moved
  ), new_entry AS (
    INSERT INTO entry
    SELECT $5 + n - 1, substring($10::bytea FROM (32 * (n - 1) + 1)::int FOR 32),
      substring($10 FROM start FOR length)
    FROM moved, unnest($11::int[], $12::int[]) WITH ORDINALITY AS piece (start, length, n)
  ), new_tile AS (
    INSERT INTO tile AS old SELECT level, index, substring($10 FROM start FOR length)
    FROM moved, json_to_recordset($13)
      AS piece (level int, index bigint, start int, length int)
    ON CONFLICT (level, index) DO UPDATE SET hashes = CASE
      WHEN substring(excluded.hashes FROM 1 FOR length(old.hashes)) = old.hashes
      THEN excluded.hashes END
  ), new_governance AS (
    INSERT INTO governance SELECT kind, leaf_index
    FROM moved, json_to_recordset($14) AS piece (kind text, leaf_index bigint)
  ), new_collateral AS (
    INSERT INTO collateral AS old
    SELECT substring($10 FROM digest FOR 32), leaf_index, substring($10 FROM start FOR length)
    FROM moved, json_to_recordset($15)
      AS piece (digest int, leaf_index bigint, start int, length int)
    ON CONFLICT (digest) DO UPDATE SET bytes = NULL WHERE old.bytes <> excluded.bytes
  ), new_entry_collateral AS (
    INSERT INTO entry_collateral SELECT leaf_index, kind, substring($10 FROM digest FOR 32)
    FROM moved, json_to_recordset($16) AS piece (leaf_index bigint, kind text, digest int)
  ), now_collateral AS (
    -- No content is stored twice: a preimage moves from the one table to the other.
    DELETE FROM payload USING moved, json_to_recordset($16) AS piece (kind text, digest int)
    WHERE piece.kind = 'preimage' AND payload.digest = substring($10 FROM piece.digest FOR 32)
  ), new_signed_head AS (
    INSERT INTO signed_head AS old
    SELECT tree_size, substring($10 FROM root FOR 32), time, substring($10 FROM start FOR length)
    FROM moved, json_to_recordset($17)
      AS piece (tree_size bigint, root int, time bigint, start int, length int)
    ON CONFLICT (tree_size) DO UPDATE SET bytes = NULL WHERE old.root_hash <> excluded.root_hash
  )
  SELECT stored, frozen_at IS NOT NULL AND NOT $18 AS frozen,
    CASE WHEN stored THEN pg_notify('${CHANNEL}', $19) END
  FROM log, (SELECT EXISTS (SELECT 1 FROM moved) AS stored) AS outcome WHERE id = 1`,
}

export interface CommitRow {
  /** Whether the head was the expected one, and the batch might be stored. */
  readonly stored: boolean
  /** Whether it might not, as of the beginning of the statement: a freeze that it waited for is not seen. */
  readonly frozen: boolean
}

/** Pieces of bytes as one value; SQL counts from 1. */
class Packed {
  readonly #pieces: Uint8Array[] = []
  #length = 0

  /** Where the piece begins. */
  add(piece: Uint8Array): number {
    this.#pieces.push(piece)
    const start = this.#length + 1
    this.#length += piece.length
    return start
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces, this.#length)
  }
}

/**
 * The values of {@link COMMIT}; `expected` names its epoch.
 * @param told what those that listen are told, beside that there is a new head.
 */
export function commitValues(batch: BatchCommit, told = ''): readonly unknown[] {
  const { expected, next, entries, tiles, signedHeads } = batch
  assertInvariant(expected.epoch !== undefined, 'a commit to PostgreSQL names no epoch')
  const packed = new Packed()
  // First, since they are found by their place.
  for (const { entryId } of entries) {
    assertInvariant(entryId.length === 32, 'an entry id is no SHA-256')
    packed.add(entryId)
  }
  const rows = {
    starts: entries.map(({ entry }) => packed.add(entry)),
    tiles: tiles.map(({ level, index, hashes }) => ({
      ...{ level, index, start: packed.add(hashes), length: hashes.length },
    })),
    governance: governanceRows(batch),
    ...collateralRows(batch, packed),
    signedHeads: signedHeads.map(({ treeHead, registrationTime: time, bytes }) => ({
      ...{ tree_size: treeHead.treeSize, root: packed.add(treeHead.rootHash), time },
      ...{ start: packed.add(bytes), length: bytes.length },
    })),
  }
  return [
    ...storedHeadValues(next),
    ...storedHeadValues(expected),
    expected.epoch,
    packed.bytes(),
    rows.starts,
    entries.map(({ entry }) => entry.length),
    ...[rows.tiles, rows.governance, rows.pieces, rows.uses, rows.signedHeads].map((each) =>
      JSON.stringify(each),
    ),
    entries.every(({ kind }) => kind === 'journal'),
    told,
  ]
}

function governanceRows({ entries, expected }: BatchCommit): readonly unknown[] {
  const first = expected.treeHead.treeSize
  return entries.flatMap(({ kind }, at) =>
    kind === undefined ? [] : [{ kind, leaf_index: first + at }],
  )
}

/** Pieces, each once, and which entries were admitted with them. */
function collateralRows(
  { entries, expected }: BatchCommit,
  packed: Packed,
): { readonly pieces: readonly unknown[]; readonly uses: readonly unknown[] } {
  const first = expected.treeHead.treeSize
  const known = new Map<string, { readonly piece: NewCollateral; readonly digest: number }>()
  const [pieces, uses]: [unknown[], unknown[]] = [[], []]
  for (const [at, { collateral = [] }] of entries.entries()) {
    for (const piece of collateral) {
      const { bytes, kind } = piece
      const name = encodeHex(piece.digest)
      let found = known.get(name)
      if (found === undefined) {
        found = { piece, digest: packed.add(piece.digest) }
        known.set(name, found)
        const { digest } = found
        pieces.push({
          digest,
          leaf_index: first + at,
          start: packed.add(bytes),
          length: bytes.length,
        })
      }
      const isSame = equalBytes(found.piece.bytes, bytes)
      assertInvariant(isSame, `${kind} collateral would change stored bytes`)
      uses.push({ leaf_index: first + at, kind, digest: found.digest })
    }
  }
  return { pieces, uses }
}
