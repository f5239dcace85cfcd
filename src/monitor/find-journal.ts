/** Telling journal statements from other entries, without parsing those. */
import type { Sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

const JOURNAL = /registration-journal\+json/i
const latin1 = new TextDecoder('latin1')

/** The payload of a journal statement; `undefined` for other entries, which rarely name its type. */
export function findJournal(entry: Uint8Array, sha256: Sha256): Uint8Array | undefined {
  if (!JOURNAL.test(latin1.decode(entry))) return undefined
  try {
    const statement = parseSignedStatement(entry, { sha256 })
    if (governanceOf(statement) !== 'journal') return undefined
    return statement.message.payload ?? undefined
  } catch (error) {
    // The replay says what is wrong with it.
    if (error instanceof InputError) return undefined
    throw error
  }
}
