/** Content that the store has for a hash envelope which is about to be decided. */
import type { UnixSeconds } from '../bytes/integers.ts'
import { isSignedByKnownKey } from '../policy/known-signer.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { findPreimage } from './payloads.ts'
import type { RegistryPorts, RulesInForce } from './ports.ts'

/** Only a hash envelope has; and where no journal would name it, nobody could replay its decision. */
export function mayHavePreimage(
  { headers }: SignedStatement,
  { payloads }: RegistryPorts,
  { policy }: RulesInForce,
): boolean {
  const isNamed = policy.registrarKeys !== undefined && policy.registrarKeys.length > 0
  return headers.hashEnvelope !== undefined && payloads !== undefined && isNamed
}

interface PreimageContext {
  readonly ports: RegistryPorts
  readonly rules: RulesInForce
  readonly registrationTime: UnixSeconds
}

/** Content that the store has for a hash envelope. Nobody unknown makes the registry read it. */
export async function readPreimage(
  statement: SignedStatement,
  { ports, rules: { anchors, delegations }, registrationTime: at }: PreimageContext,
): Promise<Uint8Array | undefined> {
  const { payloads, verifier } = ports
  const name = payloadNameOf(statement)
  if (payloads === undefined || name === undefined) return undefined
  // A look-up costs less than a signature, and content is mostly not at hand.
  if (!(await payloads.store.has(name))) return undefined
  const isKnown = await isSignedByKnownKey({ statement, anchors, delegations, at, verifier })
  return isKnown ? findPreimage(name, payloads) : undefined
}
