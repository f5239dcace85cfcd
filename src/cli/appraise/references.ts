/** Reference values of the command line: files, or statements whose payload they are. */
import { AttestryError } from '../../errors.ts'
import { parseReferenceValues } from '../../payload/tee/reference-values.ts'
import type { ReferenceValue } from '../../payload/tee/reference-values.ts'
import { CliError } from '../cli-error.ts'
import { nameOf, readInput } from '../files.ts'
import { unwrapStatement } from '../statement-payload.ts'

/** All values of all files. @throws CliError `ERR_FILE` that names the file. */
export async function appraisalReferences(
  paths: readonly string[],
): Promise<readonly ReferenceValue[]> {
  const values: ReferenceValue[] = []
  for (const path of paths) {
    const bytes = await readInput(path)
    try {
      values.push(...parseReferenceValues(unwrapStatement(bytes)))
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      throw new CliError('ERR_FILE', `${nameOf(path)}: ${cause.message}`, { cause })
    }
  }
  return values
}
