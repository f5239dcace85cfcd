/** Reading and writing of trust files; what they mean is `verify/trust-policy.ts`. */
import { anchorFromFile } from '../statement/anchor-file.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { encodeTrustPolicy, parseTrustPolicy } from '../verify/trust-policy.ts'
import type { TrustPolicy, TrustedLog } from '../verify/trust-policy.ts'
import { CliError } from './cli-error.ts'
import { exists, parseFile, readInput, writeOutput } from './files.ts'
import { fingerprint } from './trust-text.ts'

const EMPTY: TrustPolicy = { version: 1, logs: [], issuers: [] }

/** @throws CliError or InputError `ERR_TRUST_CONFIGURATION`. */
export async function readTrustFile(path: string): Promise<TrustPolicy> {
  const bytes = await readInput(path)
  return parseFile(path, () => parseTrustPolicy(bytes))
}

/** An anchor from a file of its own. Throws as {@link anchorFromFile}, with the name of the file. */
export async function readAnchor(
  path: string,
  issuers: readonly string[] = ['*'],
): Promise<TrustAnchor> {
  const bytes = await readInput(path)
  return parseFile(path, () => anchorFromFile(bytes, issuers))
}

/** The trust file, or an empty one where none is yet (also for standard output). */
export async function readTrustFileOrEmpty(path: string): Promise<TrustPolicy> {
  return path !== '-' && (await exists(path)) ? readTrustFile(path) : EMPTY
}

/** Writes a trust file whole. */
export async function writeTrustFile(path: string, trust: TrustPolicy): Promise<void> {
  await writeOutput(path, encodeTrustPolicy(trust))
}

/** Whether a log's pin is new, was there as it is, or replaced another. */
export type PinChange = 'added' | 'unchanged' | 'replaced'

/**
 * The trust file with `log` pinned. A pin is only useful when it does not change silently, so a log
 * whose keys or rules differ from the pinned ones needs `replace`.
 * @throws CliError `ERR_PIN_CHANGED`.
 */
export function pinLog(
  trust: TrustPolicy,
  log: TrustedLog,
  replace: boolean,
): { readonly trust: TrustPolicy; readonly change: PinChange } {
  const pinned = trust.logs.find(({ issuer }) => issuer === log.issuer)
  if (pinned === undefined)
    return { trust: { ...trust, logs: [...trust.logs, log] }, change: 'added' }
  if (describe(pinned) === describe(log)) return { trust, change: 'unchanged' }
  if (!replace) {
    throw new CliError(
      'ERR_PIN_CHANGED',
      `${log.issuer} does not present what is pinned: pinned ${describe(pinned)}; presented ${describe(log)}`,
      { hint: 'ask the operator whether the keys were rotated; then run again with --replace' },
    )
  }
  const logs = trust.logs.map((other) => (other === pinned ? log : other))
  return { trust: { ...trust, logs }, change: 'replaced' }
}

function describe(log: TrustedLog): string {
  const keys = log.keys.map(fingerprint).sort()
  const origin = log.origin === undefined ? '' : ` origin ${log.origin}`
  return `profile ${log.profile}/${log.leafRule}${origin} keys ${keys.join(' ')}`
}
