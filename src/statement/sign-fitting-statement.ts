/**
 * Signing so that the result can be registered: a payload that is too large for an entry (design D1) is
 * signed by its digest instead, as a hash envelope (RFC 9995), and stays beside the statement.
 */
import type { DigestName } from '../bytes/digest.ts'
import { signStatement } from './sign-statement.ts'
import type { SignStatementRequest } from './sign-statement.ts'
import { assertRegistrable, ENTRY_BYTES_MAX, parseSignedStatement } from './signed-statement.ts'
import type { RegistrableStatement } from './signed-statement.ts'

/** A statement that has the form and size of an entry. */
export interface FittingStatement {
  /** Tagged COSE_Sign1 in canonical form. */
  readonly bytes: Uint8Array
  readonly statement: RegistrableStatement
  /** Set when only a digest was signed: the payload has to be kept and handed over by itself. */
  readonly hash?: DigestName
}

const HASH_USUAL: DigestName = 'SHA-256'

/**
 * Signs a statement; with `hash`, or where the entry would be too large, a hash envelope.
 * @throws InputError when the statement lacks what registration demands.
 */
export async function signFittingStatement(
  request: SignStatementRequest,
): Promise<FittingStatement> {
  const { payload, hash } = request
  if (hash === undefined && payload.length <= ENTRY_BYTES_MAX) {
    const bytes = await signStatement(request)
    const statement = parseSignedStatement(bytes)
    if (statement.entry.length <= ENTRY_BYTES_MAX) {
      assertRegistrable(statement)
      return { bytes, statement }
    }
  }
  const chosen = hash ?? HASH_USUAL
  const bytes = await signStatement({ ...request, hash: chosen })
  const statement = parseSignedStatement(bytes)
  assertRegistrable(statement)
  return { bytes, statement, hash: chosen }
}
