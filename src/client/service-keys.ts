/**
 * A service's public keys over HTTP (SCRAPI §2.1, §2.2) with the places where older generations
 * keep them. Fetched keys are not trusted keys: the caller shows their fingerprints and pins them.
 * Never leaves the service's origin: keys from elsewhere would be somebody else's.
 */
import { encodeBase64url } from '../bytes/base64.ts'
import { decodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { CborTag, decodeCbor } from '../cbor/decode.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { parseCoseKey, parseCoseKeySet } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, NotFoundError } from '../errors.ts'
import { exchange } from './exchange.ts'
import type { Answer, Fetch } from './exchange.ts'
import { parseJwks } from './jwks.ts'
import { segmentUrl } from './location.ts'
import { noResource, serviceError } from './service-error.ts'

/** Keys as a service publishes them. */
export interface ServiceKeys {
  readonly keys: readonly PublicKey[]
  /** The resource they came from. */
  readonly source: string
  /** The issuer name in the service's configuration, if it has one (drafts before -07, CCF). */
  readonly issuer?: string
}

export interface KeysExchange {
  readonly fetch: Fetch
  readonly bodyBytesMax: number
  readonly timeoutMs: number
}

const KEYS_PATH = '.well-known/scitt-keys'
const CONFIGURATION_PATHS: readonly string[] = [
  '.well-known/scitt-configuration',
  '.well-known/transparency-configuration',
]
const JWKS_PATH = 'jwks'

/**
 * All keys: the COSE key set, else the JWK set that the configuration names or that lies at `jwks`.
 * @throws NotFoundError `ERR_ROUTE_UNKNOWN` when no place has keys, `ERR_KEY_UNKNOWN` for keys of unknown kinds.
 * @throws InputError `ERR_RESPONSE` for a redirect, or keys of no known form.
 */
export async function fetchServiceKeys(base: URL, options: KeysExchange): Promise<ServiceKeys> {
  const list = await findResource(base, KEYS_PATH, { ...options, accept: 'application/cbor' })
  const configuration = await findConfiguration(base, options)
  const issuer = configuration?.issuer === undefined ? {} : { issuer: configuration.issuer }
  if (list !== undefined) {
    const keys = parsed(list, () => parseCoseKeySet(list.body))
    return { keys: requireKeys(keys, list.url), source: list.url, ...issuer }
  }
  const jwksUrl = configuration?.jwksUri ?? JWKS_PATH
  const target = new URL(jwksUrl, base)
  if (target.origin !== base.origin) {
    const message = `the service keeps its keys on another host, ${target.host}; fetch them there yourself`
    throw new InputError('ERR_RESPONSE', message)
  }
  const jwks = await findResource(base, target.href, { ...options, accept: 'application/json' })
  if (jwks === undefined) throw noResource(base.href, 'there are no keys in a known place')
  const keys = parsed(jwks, () => parseJwks(jwks.body))
  return { keys: requireKeys(keys, jwks.url), source: jwks.url, ...issuer }
}

/**
 * One key by its kid, which works for retired keys too.
 * @throws NotFoundError `ERR_KEY_UNKNOWN` · InputError `ERR_RESPONSE` when it is another key.
 */
export async function fetchServiceKey(
  base: URL,
  kid: Uint8Array,
  options: KeysExchange,
): Promise<PublicKey> {
  const path = segmentUrl(new URL(`${KEYS_PATH}/`, rootOf(base)), encodeBase64url(kid))
  const answer = await findResource(base, path, { ...options, accept: 'application/cbor' })
  if (answer === undefined) {
    throw new NotFoundError('ERR_KEY_UNKNOWN', `${path}: the service does not know this key`)
  }
  const key = parsed(answer, () => parseKeyOrSet(answer.body, kid))
  if (!isKey(key, kid)) {
    throw new InputError('ERR_RESPONSE', `${path} answered with a key of another kid`)
  }
  return key
}

/** SCRAPI -07 and -08 answered a set of one where a single key was meant. */
function parseKeyOrSet(body: Uint8Array, kid: Uint8Array): PublicKey {
  if (!Array.isArray(decodeCbor(body))) return parseCoseKey(body)
  const keys = parseCoseKeySet(body)
  return keys.find((key) => isKey(key, kid)) ?? requireKeys(keys, KEYS_PATH)[0]!
}

function isKey(key: PublicKey, kid: Uint8Array): boolean {
  return (key.kid !== undefined && equalBytes(key.kid, kid)) || equalBytes(keyThumbprint(key), kid)
}

/** Well-known resources lie at the root (RFC 8615); a service below a path may keep them there. */
function rootOf(base: URL): URL {
  return new URL('/', base)
}

async function findResource(
  base: URL,
  path: string,
  options: KeysExchange & { readonly accept: string },
): Promise<Answer | undefined> {
  const urls = new Set([rootOf(base), base].map((from) => new URL(path, from).href))
  for (const url of urls) {
    const answer = await exchange(url, options)
    if (answer.status === 200) return answer
    if (answer.status >= 300 && answer.status <= 399) {
      throw new InputError('ERR_RESPONSE', `${url} redirects; keys are not fetched from elsewhere`)
    }
    // 405 and 406 come from services that have a catch-all instead of the resource.
    if (![404, 405, 406, 410].includes(answer.status)) throw serviceError(answer)
  }
  return undefined
}

async function findConfiguration(
  base: URL,
  options: KeysExchange,
): Promise<{ issuer?: string; jwksUri?: string } | undefined> {
  for (const path of CONFIGURATION_PATHS) {
    const accept = 'application/cbor, application/json'
    // Optional everywhere: whatever goes wrong here, the keys may still be found.
    const answer = await findResource(base, path, { ...options, accept }).catch(() => undefined)
    const members = answer === undefined ? undefined : configurationMembers(answer.body)
    if (members === undefined) continue
    const issuer = members.get('issuer')
    const jwksUri = members.get('jwks_uri') ?? members.get('jwksUri')
    return {
      ...(typeof issuer === 'string' ? { issuer } : {}),
      ...(typeof jwksUri === 'string' && URL.canParse(jwksUri, base.href) ? { jwksUri } : {}),
    }
  }
  return undefined
}

/** A CBOR or JSON map; -03 wrapped it in a COSE_Sign1, whose signature proves nothing yet. */
function configurationMembers(body: Uint8Array): ReadonlyMap<unknown, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body))
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
  } catch {
    // not JSON
  }
  try {
    let value: CborValue = decodeCbor(body)
    if (value instanceof CborTag && value.tag === 18 && Array.isArray(value.value)) {
      const payload: unknown = value.value[2]
      value = payload instanceof Uint8Array ? decodeCbor(payload) : undefined
    }
    return value instanceof Map ? (value as CborMap) : undefined
  } catch {
    return undefined
  }
}

function requireKeys(keys: readonly PublicKey[], source: string): readonly PublicKey[] {
  if (keys.length === 0) {
    throw new NotFoundError('ERR_KEY_UNKNOWN', `${source} holds no key of a supported kind`)
  }
  return keys
}

function parsed<T>(answer: Answer, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof NotFoundError) throw cause
    if (!(cause instanceof InputError || cause instanceof SyntaxError)) throw cause
    throw new InputError('ERR_RESPONSE', `${answer.url} is not a set of keys`, { cause })
  }
}
