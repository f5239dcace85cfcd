/**
 * The files that options name: read before anything is opened, so that whoever starts a registry hears
 * everything that is wrong with them at once.
 */
import type { OidcTokens } from '../keys/oidc-tokens.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import type { RegistryConfig } from './config.ts'
import { ServedTls } from './served-tls.ts'
import { openOidcTokens } from './submitters.ts'
import { readTogether } from './tls-files.ts'
import { readWitnessPolicy } from './witnessing.ts'

/** What they hold. */
export interface ServedFiles {
  /** Undefined: plain HTTP. */
  readonly tls: ServedTls | undefined
  /** Undefined: no witness is asked. */
  readonly witnessPolicy: TlogPolicy | undefined
  readonly oidc: OidcTokens
}

/** @throws StartError `ERR_CONFIGURATION` that names every file which cannot be used. */
export async function readServedFiles(config: RegistryConfig): Promise<ServedFiles> {
  const { witnessing, submitters, clock } = config
  const [tls, witnessPolicy, oidc] = await readTogether([
    ServedTls.open(config),
    witnessing === undefined ? undefined : readWitnessPolicy(witnessing),
    openOidcTokens(submitters.oidcKeys, clock),
  ])
  return { tls, witnessPolicy, oidc }
}
