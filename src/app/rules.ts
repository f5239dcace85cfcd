/**
 * The rules in force, read from the log itself (design D4): the last policy, the last trust anchors,
 * all delegations and revocations. The store says where they are and the log re-hashes what it reads,
 * so the tree vouches for all of them. While the log is served it tells of each change, and the new
 * rules decide from the index after it on.
 */
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { InvariantError, StartError, UnavailableError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { GovernanceEntry } from '../log/registered.ts'
import { decodeChain } from '../policy/collateral.ts'
import { DelegationIndex } from '../policy/delegation-index.ts'
import { NO_RULES, rulesAfter } from '../policy/rules-in-force.ts'
import type { AdmittedEntry, Rules } from '../policy/rules-in-force.ts'
import type { RulesInForce } from '../registry/ports.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

/** What rules are read from. */
export type RulesLog = Pick<
  Log,
  | 'readEntry'
  | 'firstHeadCovering'
  | 'entryCollateral'
  | 'readCollateral'
  | 'listGovernance'
  | 'findLastGovernance'
  | 'policyIndex'
>

/**
 * The rules for the next entry.
 * @throws StartError `ERR_LOG_CORRUPT` when the log does not hold rules that can be read.
 */
export async function readRules(log: RulesLog): Promise<RulesInForce> {
  try {
    const documents = [
      await log.findLastGovernance('policy'),
      await log.findLastGovernance('trust-anchors'),
    ].filter((index) => index !== undefined)
    let rules = NO_RULES
    for (const index of documents) rules = rulesAfter(rules, await readAdmitted(log, index))
    const delegations = await readDelegations(log)
    const last = Math.max(...documents, delegations.at(-1)?.leafIndex ?? -1)
    if (documents.length !== 2 || last !== log.policyIndex) {
      throw new InvariantError(
        `the last entry that changes rules is ${log.policyIndex}, and ${last} is found`,
      )
    }
    return inForce({
      ...rules,
      delegations: DelegationIndex.from(delegations),
      policyIndex: log.policyIndex,
    })
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause
    const { message } = cause as Error
    throw new StartError(
      'ERR_LOG_CORRUPT',
      `the log does not hold a Registration Policy and trust anchors that can be read: ${message}`,
      { cause },
    )
  }
}

/**
 * The rules for the next entry, at any time from now on. Where several nodes register, another one may
 * change them while they are read.
 * @throws StartError as {@link readRules}.
 */
export async function followRules(
  log: RulesLog & Pick<Log, 'followGovernance'>,
): Promise<() => RulesInForce> {
  let rules: RulesInForce | undefined
  log.followGovernance((entry) => {
    // What comes while they are read the first time is read with them.
    if (rules !== undefined) rules = inForce(rulesAfter(rules, admittedOf(entry)))
  })
  let read = await readUnlessMoved(log)
  while (read?.policyIndex !== log.policyIndex) read = await readUnlessMoved(log)
  rules = read
  return () => rules ?? read
}

/** Undefined when the rules were changed while they were read. */
async function readUnlessMoved(log: RulesLog): Promise<RulesInForce | undefined> {
  const { policyIndex } = log
  try {
    return await readRules(log)
  } catch (error) {
    if (log.policyIndex === policyIndex) throw error
    return undefined
  }
}

async function readDelegations(log: RulesLog): Promise<readonly AdmittedEntry[]> {
  const indexes = [
    ...(await log.listGovernance('delegation')),
    ...(await log.listGovernance('delegation-revocation')),
  ].sort((a, b) => a - b)
  const entries: AdmittedEntry[] = []
  for (const index of indexes) entries.push(await readAdmitted(log, index))
  return entries
}

/** An entry as decide() saw it: with the certificate chain that was kept as its collateral. */
async function readAdmitted(log: RulesLog, index: LeafIndex): Promise<AdmittedEntry> {
  const head = await log.firstHeadCovering(index)
  if (head === undefined) throw new InvariantError(`entry ${index} is in no signed tree`)
  const pieces = await log.entryCollateral(index, index + 1)
  const collateral = []
  for (const piece of pieces) {
    collateral.push({ ...piece, bytes: await log.readCollateral(piece.digest) })
  }
  const entry = await log.readEntry(index)
  return admittedOf({
    leafIndex: index,
    registrationTime: head.registrationTime,
    entry,
    collateral,
  })
}

function admittedOf(released: GovernanceEntry): AdmittedEntry {
  const { entry, collateral = [], registrationTime } = released
  const statement = parseSignedStatement(entry)
  if (!equalBytes(statement.entry, entry)) {
    throw new InvariantError(`entry ${released.leafIndex} is not in canonical form`)
  }
  const chain = collateral.find(({ kind }) => kind === 'x5chain')
  return {
    leafIndex: leafIndex(released.leafIndex),
    registrationTime,
    statement:
      chain === undefined
        ? statement
        : { ...statement, unprotectedX5chain: decodeChain(chain.bytes) },
  }
}

function inForce(rules: Rules): RulesInForce {
  const { policy } = rules
  if (policy === undefined) throw new InvariantError('the log has no Registration Policy')
  return { ...rules, policy }
}
