/**
 * The name of a private key in a token: a PKCS #11 URI (RFC 7512), of which every attribute that is
 * not understood is refused, because ignoring one could name another key. The PIN is read from a
 * file; in the URI itself it would be on the command line, where every user of the machine sees it.
 */
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StartError } from '../errors.ts'

/** What describes the token; all that are given must be equal. */
export interface TokenName {
  readonly token?: string
  readonly manufacturer?: string
  readonly model?: string
  readonly serial?: string
}

/** One private key in one token, and how to get at it. */
export interface Pkcs11Uri {
  /** The URI without its query, for people. */
  readonly name: string
  readonly token: TokenName
  /** Label of the key; this, `id`, or both. */
  readonly object: string | undefined
  readonly id: Uint8Array | undefined
  /** The vendor's shared library. */
  readonly modulePath: string
  readonly pinPath: string
}

const SCHEME = 'pkcs11:'
const TOKEN = ['token', 'manufacturer', 'model', 'serial'] as const
const PATH_ATTRIBUTES: readonly string[] = [...TOKEN, 'object', 'id', 'type']
const QUERY_ATTRIBUTES: readonly string[] = ['module-path', 'pin-source']
const URI_LENGTH_MAX = 4096

/** @throws StartError `ERR_CONFIGURATION` that says what is wrong with it. */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  if (!uri.startsWith(SCHEME) || uri.length > URI_LENGTH_MAX) {
    throw refuse('it has to start with "pkcs11:"')
  }
  const [path = '', query = '', ...rest] = uri.slice(SCHEME.length).split('?')
  if (rest.length > 0) throw refuse('it has two "?"')
  const attributes = readAttributes(path, ';', PATH_ATTRIBUTES)
  const queried = readAttributes(query, '&', QUERY_ATTRIBUTES)
  if ((attributes.get('type') ?? 'private') !== 'private') throw refuse('type has to be private')
  const token: Record<string, string> = {}
  for (const key of TOKEN) {
    const value = attributes.get(key)
    if (value !== undefined) token[key] = decodeText(key, value)
  }
  const object = attributes.get('object')
  const id = attributes.get('id')
  if (Object.keys(token).length === 0) throw refuse('it names no token: token=LABEL')
  if (object === undefined && id === undefined) throw refuse('it names no key: object=LABEL')
  return {
    name: SCHEME + path,
    token,
    object: object === undefined ? undefined : decodeText('object', object),
    id: id === undefined ? undefined : decodeOctets('id', id),
    modulePath: readModulePath(queried.get('module-path')),
    pinPath: readPinPath(queried.get('pin-source')),
  }
}

function readAttributes(
  text: string,
  separator: string,
  known: readonly string[],
): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const part of text === '' ? [] : text.split(separator)) {
    const at = part.indexOf('=')
    const name = at === -1 ? part : part.slice(0, at)
    if (name === 'pin-value') {
      throw refuse('a PIN on the command line is seen by others: use pin-source=file:PATH')
    }
    if (at === -1 || !known.includes(name)) {
      throw refuse(`"${name}" is none of ${known.map((one) => `${one}=`).join(', ')}`)
    }
    if (attributes.has(name)) throw refuse(`it has ${name} twice`)
    if (at === part.length - 1) throw refuse(`${name} is empty`)
    attributes.set(name, part.slice(at + 1))
  }
  return attributes
}

function readModulePath(encoded: string | undefined): string {
  const path = encoded === undefined ? '' : decodeText('module-path', encoded)
  if (isAbsolute(path)) return path
  throw refuse("module-path has to be the absolute path of the token's PKCS #11 library")
}

function readPinPath(encoded: string | undefined): string {
  const source = encoded === undefined ? '' : decodeText('pin-source', encoded)
  if (isAbsolute(source)) return source
  const path = source.startsWith('file:') ? source.slice('file:'.length) : ''
  if (path.startsWith('//')) {
    try {
      return fileURLToPath(source)
    } catch (cause) {
      throw refuse('pin-source is no file of this machine', cause)
    }
  }
  if (isAbsolute(path)) return path
  throw refuse('pin-source has to be file: and an absolute path, of a file that holds the PIN')
}

function decodeText(name: string, encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch (cause) {
    throw refuse(`${name} is not percent-encoded UTF-8`, cause)
  }
}

/** `id` is octets and not text (RFC 7512 §2.3). */
function decodeOctets(name: string, encoded: string): Uint8Array {
  if (!/^(?:%[0-9a-f]{2}|[\w.~:[\]@!$'()*+,=-])+$/i.test(encoded)) {
    throw refuse(`${name} is not percent-encoded`)
  }
  const octets = encoded.match(/%..|./g) ?? []
  return Uint8Array.from(octets, (one) =>
    one.length === 1 ? one.charCodeAt(0) : Number(`0x${one.slice(1)}`),
  )
}

function refuse(why: string, cause?: unknown): StartError {
  return new StartError('ERR_CONFIGURATION', `not a usable PKCS #11 URI: ${why}`, { cause })
}
