/**
 * Sigstore's `trusted_root.json` as far as it is looked at without its library: that it is one, or, as
 * `gh attestation trusted-root` writes them, JSON lines of several. A policy names a root by the
 * SHA-256 of exactly these bytes. What is in it (certificates, keys, times) is `sigstore/`'s affair.
 */
import { encodeHex } from '../bytes/hex.ts'
import { sha256 } from '../bytes/digest.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { InputError } from '../errors.ts'
import { isShallow } from './json-depth.ts'
import { splitJsonLines } from './json-lines.ts'
import { asObject, textAt } from './json-members.ts'
import type { JsonObject } from './json-members.ts'

const CONTEXT: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'Sigstore trusted root' }
const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=|\.v)0\.\d+(\+json)?$/

/** How a policy names a trusted root: `sha256:` and hex. */
export function trustedRootDigest(bytes: Uint8Array): string {
  return `sha256:${encodeHex(sha256(bytes))}`
}

/**
 * The roots of a file, one or several.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless each is a trusted root by its media type.
 */
export function parseTrustedRoots(bytes: Uint8Array): readonly JsonObject[] {
  let values: readonly unknown[]
  try {
    values = [parseStrictJson(bytes, CONTEXT)]
  } catch (cause) {
    values = parseLines(bytes, cause)
  }
  return values.map((value) => {
    const root = asObject(value)
    if (
      root === undefined ||
      !isShallow(root) ||
      !MEDIA_TYPE.test(textAt(root, 'mediaType') ?? '')
    ) {
      throw new InputError(
        CONTEXT.code,
        'not a Sigstore trusted root: its mediaType says otherwise',
      )
    }
    return root
  })
}

function parseLines(bytes: Uint8Array, cause: unknown): readonly unknown[] {
  try {
    return splitJsonLines(bytes).map((line) => parseStrictJson(line.bytes, CONTEXT))
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(CONTEXT.code, 'not a Sigstore trusted root: no JSON', { cause })
  }
}
