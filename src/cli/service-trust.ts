/**
 * Learns what a transparency service looks like from the service itself: its keys, and whether it is
 * an Attestry log. This is trust on first use, and its callers say so; `verify` never does it.
 */
import { exchange } from '../client/exchange.ts'
import { ScrapiClient } from '../client/scrapi-client.ts'
import { parseReceipt } from '../cose/receipt.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { parseSignedTreeHead, verifySignedTreeHead } from '../cose/signed-tree-head.ts'
import { VDS } from '../cose/labels.ts'
import { webCryptoVerifier } from '../cose/web-crypto.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { LeafRule, LogProfile, TrustedLog } from '../verify/trust-policy.ts'
import { CliError } from './cli-error.ts'

const HEAD_BYTES_MAX = 65_536
const HEAD_TIMEOUT_MS = 10_000

/** What the caller knows better than the service's answers. */
export interface ServiceOptions {
  readonly url: string
  readonly profile?: LogProfile
  readonly leafRule?: LeafRule
  readonly issuer?: string
  readonly origin?: string
}

/**
 * Keys and profile of the service at `url`.
 * @throws UnavailableError or InputError when its keys cannot be read.
 * @throws CliError `ERR_USAGE` when it is not an Attestry log and no profile was named.
 */
export async function fetchTrustedLog(options: ServiceOptions): Promise<TrustedLog> {
  const { url } = options
  const keys = await new ScrapiClient({ url }).fetchKeys()
  const wantsHead = options.profile === undefined || options.profile === 'attestry'
  const detected = wantsHead ? await detectAttestry(url, keys) : undefined
  if (detected === undefined && wantsHead) {
    throw new CliError('ERR_USAGE', `${url} does not present a signed head of an Attestry log`, {
      hint: 'for another service say what it is: --profile rfc9162|ccf, perhaps --issuer ISS',
    })
  }
  const origin = options.origin ?? detected?.origin
  return {
    issuer: options.issuer ?? detected?.issuer ?? new URL(url).host,
    ...(origin === undefined ? {} : { origin }),
    profile: options.profile ?? 'attestry',
    leafRule: options.leafRule ?? 'entry',
    keys,
  }
}

/**
 * The log that a Receipt just obtained from `url` should be of, by the service's own keys: an
 * Attestry log if it presents one, otherwise what the Receipt says it is.
 */
export async function fetchLogOfReceipt(url: string, receipt: Uint8Array): Promise<TrustedLog> {
  const keys = await new ScrapiClient({ url }).fetchKeys()
  const detected = await detectAttestry(url, keys)
  const leafRule = 'entry'
  if (detected !== undefined) return { ...detected, profile: 'attestry', leafRule, keys }
  const { vds, claims } = parseReceipt(receipt)
  const profile = vds === VDS.ccf ? 'ccf' : 'rfc9162'
  return { issuer: claims.issuer ?? new URL(url).host, profile, leafRule, keys }
}

interface AttestryNames {
  readonly issuer: string
  readonly origin: string
}

/** Names from the current signed head, if there is one and one of `keys` signed it. */
async function detectAttestry(
  url: string,
  keys: readonly PublicKey[],
): Promise<AttestryNames | undefined> {
  const answer = await exchange(`${url}/heads/current`, {
    fetch,
    accept: 'application/cose',
    bodyBytesMax: HEAD_BYTES_MAX,
    timeoutMs: HEAD_TIMEOUT_MS,
  })
  if (answer.status !== 200) return undefined
  for (const key of keys) {
    try {
      const head = parseSignedTreeHead(answer.body)
      const { issuer, origin } = await verifySignedTreeHead({
        head,
        key,
        verifier: webCryptoVerifier,
      })
      return { issuer, origin }
    } catch (error) {
      if (!(error instanceof InputError || error instanceof VerificationError)) throw error
    }
  }
  return undefined
}
