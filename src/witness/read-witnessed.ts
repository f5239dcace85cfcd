/** The checkpoint that an earlier run saw witnessed; what is on disk is only believed if it verifies. */
import { equalBytes } from '../bytes/bytes.ts'
import { treeSize } from '../bytes/integers.ts'
import { StartError } from '../errors.ts'
import type { WitnessedCheckpointStore } from '../log/witness.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import type { SignedCheckpoint } from '../note/checkpoint.ts'
import { verifyCosignatures } from '../note/cosignature.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { evaluateQuorum } from '../note/witnessed-checkpoint.ts'
import type { LinkPorts } from './witness-link.ts'

interface WitnessedPorts extends Pick<LinkPorts, 'log' | 'verifier'> {
  readonly policy: TlogPolicy
  readonly store: WitnessedCheckpointStore
}

/**
 * Undefined when there is none of this log with a quorum of the policy.
 * @throws StartError `ERR_WITNESS_AHEAD`; and what reading, parsing and verifying throw.
 */
export async function readWitnessed(ports: WitnessedPorts): Promise<SignedCheckpoint | undefined> {
  const { log, store, verifier, policy } = ports
  const bytes = await store.load()
  if (bytes === undefined) return undefined
  const checkpoint = parseCheckpoint(bytes)
  await log.verifyOwn(checkpoint)
  if (checkpoint.treeSize > log.treeSize()) throw behindOwn(checkpoint, log.treeSize())
  const keys = policy.witnesses.map(({ key }) => key)
  const cosigned = await verifyCosignatures({ checkpoint, keys, verifier })
  const head = await log.headAt(treeSize(Number(checkpoint.treeSize)))
  const isOurs = head !== undefined && equalBytes(head.rootHash, checkpoint.rootHash)
  const names = policy.witnesses.filter(({ key }) => cosigned.some((by) => by.key === key))
  const quorum = evaluateQuorum(policy, new Set(names.map(({ name }) => name)))
  return isOurs && quorum.kind === 'met' ? checkpoint : undefined
}

function behindOwn({ origin, treeSize: size }: SignedCheckpoint, held: number): StartError {
  return new StartError(
    'ERR_WITNESS_AHEAD',
    `witnesses have cosigned ${size} entries of ${origin}, and this copy of the log has ${held}: ` +
      'it is an older copy. Find the newest one and serve that',
  )
}
