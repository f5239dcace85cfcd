/**
 * By which delegations an entry was admitted, and whether they still stand (R7): what was registered before a
 * revocation stays, and whoever looks at it is told. Decided again under the rules of its time.
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import type { Finding } from '../payload/description.ts'
import { readPayloadFacts } from '../payload/registration-facts.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import { decideIssuer } from '../policy/decide-issuer.ts'
import { assertRegistrable } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { findAnchorsAt, findPolicyAt } from './policy-at.ts'
import type { RegistryPorts } from './ports.ts'

export interface UsedDelegation {
  /** Entry ids of the delegations, the issuer's own first. */
  readonly entryIds: readonly string[]
  /** Where one of them, or the delegation that the entry is, was revoked since. */
  readonly finding?: Finding
}

/** An entry that is about to be shown. */
interface ShownEntry {
  readonly statement: SignedStatement
  readonly leafIndex: LeafIndex
  readonly registrationTime: UnixSeconds
}

/** Undefined for what no delegation has a part in: nearly everything. */
export async function findUsedDelegation(
  entry: ShownEntry,
  ports: RegistryPorts,
): Promise<UsedDelegation | undefined> {
  const { delegations } = ports.rules()
  const entryIds = await findChain(entry, ports)
  for (const entryId of [entry.statement.entryId, ...entryIds]) {
    const revokedBy = delegations.revokedBy(entryId)
    if (revokedBy === undefined) continue
    const isItself = entryId === entry.statement.entryId
    const what = isItself ? 'it' : `the delegation ${entryId}, by which it was admitted,`
    const message = `${what} was revoked by entry ${revokedBy}: what was registered before stays`
    return { entryIds, finding: { code: 'delegation-revoked', message } }
  }
  return entryIds.length === 0 ? undefined : { entryIds }
}

async function findChain(
  { statement, leafIndex, registrationTime }: ShownEntry,
  ports: RegistryPorts,
): Promise<readonly string[]> {
  const { issuer, keyId } = statement.headers
  if (issuer === undefined || keyId === undefined) return []
  const held = ports.rules().delegations.to(issuer, keyId)
  if (held.every((one) => one.leafIndex >= leafIndex)) return []
  const { policy } = (await findPolicyAt(leafIndex, ports)) ?? {}
  const anchors = await findAnchorsAt(leafIndex, ports)
  if (policy === undefined || anchors === undefined) return []
  const delegations = ports.rules().delegations.below(leafIndex)
  const { verifier } = ports
  let read: PayloadFacts | undefined
  const facts = (): PayloadFacts => (read ??= readPayloadFacts(statement))
  try {
    assertRegistrable(statement)
    const said = { statement, policy, anchors, delegations, registrationTime, verifier, facts }
    const speaker = await decideIssuer(said)
    return speaker.kind === 'speaker' ? (speaker.delegations ?? []) : []
  } catch (error) {
    if (error instanceof InputError) return []
    throw error
  }
}
