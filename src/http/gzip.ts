/** Content coding gzip (RFC 9110 §8.4.1.3, §12.5.3), for immutable bytes that are kept in memory. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)
/** Forgotten together with the bytes that they were made of. */
const compressed = new WeakMap<Uint8Array, Promise<Uint8Array>>()

/** Whether a client names gzip with a weight above zero. A wildcard does not choose. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  for (const item of (acceptEncoding ?? '').split(',')) {
    const [name, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    if (name !== 'gzip') continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    return weight === undefined || Number(weight.slice(2)) > 0
  }
  return false
}

/** The bytes compressed, on Node's thread pool; once for the same array. */
export function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const known = compressed.get(bytes)
  if (known !== undefined) return known
  const made = compress(bytes)
  compressed.set(bytes, made)
  return made
}
