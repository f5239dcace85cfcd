/** Reference values of the command line: files, or statements whose payload they are. */
import { AttestryError } from '../../errors.ts'
import { payloadContent } from '../../payload/payload-content.ts'
import { parseReferenceValues } from '../../payload/tee/reference-values.ts'
import type { ReferenceValue } from '../../payload/tee/reference-values.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import { CliError } from '../cli-error.ts'
import { nameOf, readInput } from '../files.ts'

/** All values of all files. @throws CliError `ERR_FILE` that names the file. */
export async function appraisalReferences(
  paths: readonly string[],
): Promise<readonly ReferenceValue[]> {
  const values: ReferenceValue[] = []
  for (const path of paths) {
    const bytes = await readInput(path)
    try {
      values.push(...parseReferenceValues(payloadOf(bytes)))
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      throw new CliError('ERR_FILE', `${nameOf(path)}: ${cause.message}`, { cause })
    }
  }
  return values
}

/** The payload of a statement; any other bytes as they are. */
function payloadOf(bytes: Uint8Array): Uint8Array {
  try {
    return payloadContent(parseSignedStatement(bytes), undefined) ?? bytes
  } catch (error) {
    if (error instanceof AttestryError) return bytes
    throw error
  }
}
