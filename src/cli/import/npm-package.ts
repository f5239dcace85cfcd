/**
 * What npm packages are known by: the SHA-512 of a tarball with the name and version in it, and the
 * same of every package that a lock file pins. Nothing is unpacked to disk, and nothing is fetched.
 */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import type { JsonContext } from '../../bytes/strict-json.ts'
import { objectAt, textAt } from '../../payload/json-members.ts'
import type { JsonObject } from '../../payload/json-members.ts'
import { InputError } from '../../errors.ts'
import { CliError } from '../cli-error.ts'
import { parseFile } from '../files.ts'

/** A package as its attestations name it. */
export interface NpmPackage {
  /** `pkg:npm/name@version`; the scope of a name percent-encoded, as npm writes it. */
  readonly purl: string
  /** Lower-case hex. */
  readonly sha512: string
}

const UNPACKED_BYTES_MAX = 512 * 1024 * 1024
const MANIFEST: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'package.json' }
const LOCK: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'it' }
const NEITHER = 'neither an npm package (.tgz) nor a lock file'
const BLOCK = 512

/** @throws CliError `ERR_FILE` for a file that is no package. */
export function readTarball(bytes: Uint8Array, path: string): NpmPackage {
  let unpacked: Uint8Array
  try {
    unpacked = gunzipSync(bytes, { maxOutputLength: UNPACKED_BYTES_MAX })
  } catch (cause) {
    throw new CliError('ERR_FILE', `${path}: a gzip file that is damaged, cut short or too large`, {
      cause,
    })
  }
  const manifest = findManifest(unpacked)
  if (manifest === undefined)
    throw new CliError('ERR_FILE', `${path}: no npm package: its folder holds no package.json`)
  const json = parseFile(path, () => parseStrictJson(manifest, MANIFEST))
  const [name, version] = [textAt(json, 'name'), textAt(json, 'version')]
  if (name === undefined || version === undefined) {
    throw new CliError('ERR_FILE', `${path}: its package.json has no name or version`)
  }
  return { purl: purlOf(name, version), sha512: createHash('sha512').update(bytes).digest('hex') }
}

/** The package's own manifest, `<folder>/package.json` in a tar file (POSIX ustar). */
function findManifest(tar: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at + BLOCK <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK)
    const size = Number.parseInt(textIn(header, 124, 12), 8)
    if (!Number.isSafeInteger(size) || size < 0) return undefined
    const content = tar.subarray(at + BLOCK, at + BLOCK + size)
    if (/^[^/]+\/package\.json$/.test(textIn(header, 0, 100)) && content.length === size) {
      return content
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return undefined
}

/** Text of a header's field, which ends at a NUL. */
function textIn(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)))
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`
}

/**
 * Packages that a `package-lock.json` (or `npm-shrinkwrap.json`) pins by SHA-512.
 * @throws CliError `ERR_FILE` for a file that is none.
 */
export function readLockFile(bytes: Uint8Array, path: string): readonly NpmPackage[] {
  const json = readJson(bytes, path)
  const packages = objectAt(json, 'packages')
  const dependencies = objectAt(json, 'dependencies')
  if (packages === undefined && dependencies === undefined) {
    throw new CliError('ERR_FILE', `${path}: ${NEITHER}`)
  }
  const found = packages === undefined ? nested(dependencies ?? {}) : flat(packages)
  return found.flatMap(({ name, item }) => {
    const version = textAt(item, 'version')
    const sha512 = sha512Of(textAt(item, 'integrity'))
    return version === undefined || sha512 === undefined
      ? []
      : [{ purl: purlOf(name, version), sha512 }]
  })
}

function readJson(bytes: Uint8Array, path: string): unknown {
  try {
    return parseStrictJson(bytes, LOCK)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new CliError('ERR_FILE', `${path}: ${NEITHER}: ${cause.message}`, { cause })
  }
}

interface Pinned {
  readonly name: string
  readonly item: unknown
}

/** Lock files v2 and v3: paths, and a name where a path does not say it. */
function flat(packages: JsonObject): readonly Pinned[] {
  return Object.entries(packages).map(([place, item]) => ({
    name: textAt(item, 'name') ?? place.slice(place.lastIndexOf('node_modules/') + 13),
    item,
  }))
}

/** Lock files v1. */
function nested(dependencies: JsonObject): readonly Pinned[] {
  return Object.entries(dependencies).flatMap(([name, item]) => [
    { name, item },
    ...nested(objectAt(item, 'dependencies') ?? {}),
  ])
}

/** Of subresource integrity: `sha512-<base64>`, perhaps among others. */
function sha512Of(integrity: string | undefined): string | undefined {
  const found = integrity?.split(/\s+/).find((one) => one.startsWith('sha512-'))
  return found && Buffer.from(found.slice(7), 'base64').toString('hex')
}

/** True for a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}
