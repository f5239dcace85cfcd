/**
 * The artifacts that an in-toto Statement is about, each with all its digests, whether the Statement is
 * the payload or inside an envelope. A description has the digests of all subjects in one list; this
 * keeps together what is one artifact. Reads only, verifies nothing.
 */
import { InputError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { InTotoSubject } from './in-toto.ts'
import { readPayload } from './read-payload.ts'
import type { ReadPayload } from './read-payload.ts'

/** Subjects; none for what is no in-toto Statement. Never throws for content. */
export function readSubjects(statement: SignedStatement): readonly InTotoSubject[] {
  try {
    return subjectsOf(readPayload({ statement }))
  } catch (error) {
    if (error instanceof InputError) return []
    throw error
  }
}

function subjectsOf(read: ReadPayload): readonly InTotoSubject[] {
  if (read.form === 'envelope') return read.inner === undefined ? [] : subjectsOf(read.inner)
  const isInToto = read.form === 'in-toto' || read.form === 'json'
  return isInToto ? (read.inToto?.subjects ?? []) : []
}
