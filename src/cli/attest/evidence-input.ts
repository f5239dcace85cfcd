/**
 * What the commands about evidence read: the evidence itself (a file, a pipe, or a directory of Linux's
 * configfs-tsm), collateral in files or a directory of them, and the part of a policy that is about
 * evidence.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import { encodeCollateral } from '../../payload/tee/collateral-bundle.ts'
import type { CollateralBundle } from '../../payload/tee/collateral-bundle.ts'
import { collateralFromFiles } from '../../payload/tee/collateral-files.ts'
import type { NamedFile } from '../../payload/tee/collateral-files.ts'
import { asObject } from '../../payload/json-members.ts'
import { EVIDENCE_CHECK, readTeeEvidencePolicy } from '../../policy/tee-evidence-policy.ts'
import type { TeeEvidencePolicy } from '../../policy/tee-evidence-policy.ts'
import { CliError } from '../cli-error.ts'
import { exists, fileError, nameOf, readInput } from '../files.ts'
import { unwrapStatement } from '../statement-payload.ts'

const FILES_MAX = 32
const EVIDENCE_BYTES_MAX = 1024 * 1024

async function isDirectory(path: string): Promise<boolean> {
  if (path === '-') return false
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * Evidence as its platform gives it. A directory is one of configfs-tsm: its `provider`, `outblob` and
 * `auxblob` become the unit that is carried as one.
 * @throws CliError `ERR_FILE`.
 */
export async function readEvidenceInput(path: string): Promise<Uint8Array> {
  if (!(await isDirectory(path))) return readInput(path, EVIDENCE_BYTES_MAX)
  const read = (name: string): Promise<Uint8Array> =>
    readInput(join(path, name), EVIDENCE_BYTES_MAX)
  const aux = (await exists(join(path, 'auxblob'))) ? await read('auxblob') : new Uint8Array(0)
  const unit = new Map<CborValue, CborValue>([
    ['provider', new TextDecoder().decode(await read('provider')).trim()],
    ['outblob', await read('outblob')],
  ])
  if (aux.length > 0) unit.set('auxblob', aux)
  return encodeCbor(unit)
}

/**
 * The bundle of a file, or of all files of a directory (names that begin with a dot left out).
 * @throws CliError `ERR_FILE`; EvidenceError `collateral-malformed` that names the file.
 */
export async function readCollateralInput(path: string): Promise<CollateralBundle> {
  const names = (await isDirectory(path)) ? await listFiles(path) : [path]
  const files: NamedFile[] = []
  for (const name of names) files.push({ name: nameOf(name), bytes: await readInput(name) })
  return collateralFromFiles(files)
}

/** The same as bytes of a container; `undefined` where none was named. */
export async function readCollateralBytes(
  path: string | undefined,
): Promise<Uint8Array | undefined> {
  return path === undefined ? undefined : encodeCollateral(await readCollateralInput(path))
}

async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => !name.startsWith('.')).sort()
    if (names.length > 0 && names.length <= FILES_MAX) return names.map((name) => join(directory, name)) // prettier-ignore
    throw new CliError('ERR_FILE', `${directory}: holds ${names.length} files; 1 to ${FILES_MAX} are read`) // prettier-ignore
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw fileError(directory, cause)
  }
}

/**
 * The member `teeEvidence` of a policy, of the statement that registered one, or a file that holds it
 * alone. Without a file: evidence has to verify under the vendors' own roots, the rest is annotated.
 * @throws InputError `ERR_TRUST_CONFIGURATION`; CliError `ERR_USAGE` for a policy without the member.
 */
export async function readEvidencePolicy(path: string | undefined): Promise<TeeEvidencePolicy> {
  if (path === undefined) return { check: EVIDENCE_CHECK }
  const context = { code: 'ERR_TRUST_CONFIGURATION', what: nameOf(path) } as const
  const json = asObject(parseStrictJson(unwrapStatement(await readInput(path)), context)) ?? {}
  if ('check' in json) return readTeeEvidencePolicy(json)
  if ('teeEvidence' in json) return readTeeEvidencePolicy(json['teeEvidence'])
  throw new CliError('ERR_USAGE', `${nameOf(path)} says nothing about TEE evidence`, {
    hint: 'it has no member teeEvidence (docs/policies.md)',
  })
}
