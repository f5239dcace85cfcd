/**
 * The manifest of a backup: which log it is, the signed head that it ends with, and what its files
 * hold. It is written last, so a backup without one is no backup.
 */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { treeSize } from '../bytes/integers.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { parseSignedTreeHead } from '../cose/signed-tree-head.ts'
import { InputError, StartError, VerificationError } from '../errors.ts'
import type { RootHash } from '../merkle/hasher.ts'
import type { FileDigest } from './file-digest.ts'

export const MANIFEST_FILE = 'manifest.json'
export const STORE_FILE = 'log.sqlite'
const KIND = 'attestry-backup'

export interface BackupFile extends FileDigest {
  readonly path: string
}

export interface BackupManifest {
  /** Version of Attestry that made it. */
  readonly attestry: string
  /** Number of the last migration of its tables. */
  readonly schema: number
  readonly createdAt: number
  readonly origin: string
  readonly issuer: string
  /** RFC 9679 thumbprint of the receipt key in use. */
  readonly receiptKeyId: Uint8Array
  /** Nothing above this head is in the backup. */
  readonly head: SignedTreeHead
  readonly files: readonly BackupFile[]
}

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const { attestry, schema, createdAt, origin, issuer, receiptKeyId, head, files } = manifest
  const value = {
    ...{ version: 1, kind: KIND, attestry, schema, createdAt, origin, issuer },
    receiptKeyId: encodeHex(receiptKeyId),
    head: {
      treeSize: head.treeHead.treeSize,
      rootHash: encodeHex(head.treeHead.rootHash),
      registrationTime: head.registrationTime,
      bytes: encodeBase64(head.bytes),
    },
    files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256: encodeHex(sha256) })),
  }
  return encodeUtf8(`${JSON.stringify(value, null, 2)}\n`)
}

/** @throws StartError `ERR_BACKUP_DAMAGED` when it is not of this form, or contradicts itself. */
export function parseManifest(bytes: Uint8Array): BackupManifest {
  try {
    return parse(bytes)
  } catch (cause) {
    if (!(cause instanceof InputError || cause instanceof VerificationError)) throw cause
    throw new StartError('ERR_BACKUP_DAMAGED', cause.message, { cause })
  }
}

const CONTEXT: JsonContext = { code: 'ERR_REQUEST', what: `the ${MANIFEST_FILE} of the backup` }
const MEMBERS = ['version', 'kind', 'attestry', 'schema', 'createdAt', 'origin', 'issuer', 'receiptKeyId', 'head', 'files'] // prettier-ignore

function parse(bytes: Uint8Array): BackupManifest {
  const value = readMembers(parseStrictJson(bytes, CONTEXT), { required: MEMBERS }, CONTEXT)
  if (value['version'] !== 1 || value['kind'] !== KIND) throw malformed('is of another kind')
  const files = readList(value['files'], CONTEXT).map(parseFile)
  if (files.length !== 1 || files[0]?.path !== STORE_FILE) throw malformed('names other files')
  return {
    attestry: readText(value['attestry'], CONTEXT),
    schema: readNumber(value['schema']),
    createdAt: readNumber(value['createdAt']),
    origin: readText(value['origin'], CONTEXT),
    issuer: readText(value['issuer'], CONTEXT),
    receiptKeyId: decodeHex(readText(value['receiptKeyId'], CONTEXT)),
    head: parseHead(value['head']),
    files,
  }
}

function parseHead(value: unknown): SignedTreeHead {
  const required = ['treeSize', 'rootHash', 'registrationTime', 'bytes']
  const head = readMembers(value, { required }, CONTEXT)
  const rootHash = decodeHex(readText(head['rootHash'], CONTEXT)) as RootHash
  const bytes = decodeBase64(readText(head['bytes'], CONTEXT))
  const { treeHead, registrationTime } = parseSignedTreeHead(bytes, rootHash)
  const isSame =
    treeHead.treeSize === treeSize(readNumber(head['treeSize'])) &&
    registrationTime === readNumber(head['registrationTime'])
  if (!isSame) throw malformed('contradicts its own signed head')
  return { treeHead, registrationTime, bytes }
}

function parseFile(value: unknown): BackupFile {
  const file = readMembers(value, { required: ['path', 'bytes', 'sha256'] }, CONTEXT)
  return {
    path: readText(file['path'], CONTEXT),
    bytes: readNumber(file['bytes']),
    sha256: decodeHex(readText(file['sha256'], CONTEXT)),
  }
}

function readNumber(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw malformed('has a number that is none')
}

function malformed(what: string): InputError {
  return new InputError(CONTEXT.code, `${CONTEXT.what} ${what}`)
}
