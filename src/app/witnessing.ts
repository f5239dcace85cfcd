/**
 * Has a served log witnessed: reads the policy, gives the witness client what it needs of the log,
 * and makes a witness that is ahead stop the log. The last witnessed checkpoint is kept as a file.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, StartError } from '../errors.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { Log } from '../log/log.ts'
import type { WitnessedCheckpointStore, WitnessedLog } from '../log/witness.ts'
import { verifyCheckpoint } from '../note/checkpoint.ts'
import { verifierKeyOf } from '../note/note-signer.ts'
import type { NoteSigner } from '../note/note-signer.ts'
import { parseTlogPolicy, QUORUM_NONE } from '../note/tlog-policy.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { signOwnCheckpoint } from '../registry/checkpoint.ts'
import { QuorumLog } from '../registry/quorum-log.ts'
import type { RegistryLog } from '../registry/ports.ts'
import { WitnessClient } from '../witness/witness-client.ts'
import type { WitnessingConfig } from './config-sections.ts'
import type { RegistryConfig } from './config.ts'
import { replaceFile } from './durable-file.ts'
import type { OpenedLog } from './open-log.ts'
import type { CheckpointKeys } from './service-signers.ts'

/** A log with its witnesses. */
export interface Witnessing {
  readonly witnesses: WitnessClient
  /** What the registry serves: the log itself, or only what is witnessed where that is required. */
  readonly log: RegistryLog
}

/**
 * Asks every witness once, then in the background.
 * @throws StartError when the policy is of other logs, a witness is ahead of this copy of the log, or
 *   a quorum is required and there is none.
 */
export async function startWitnessing(
  config: RegistryConfig & { readonly witnessing: WitnessingConfig },
  policy: TlogPolicy,
  { log, checkpointKeys }: OpenedLog,
): Promise<Witnessing> {
  const { witnessing, clock, report, paths } = config
  const signer = checkpointKeys.signers[0]!
  assertForThisLog(policy, witnessing, checkpointKeys.signers)
  const witnesses = new WitnessClient({
    policy,
    log: witnessedLog(log, signer, checkpointKeys),
    store: checkpointFile(join(paths.directory, 'witnessed.checkpoint')),
    verifier: nodeVerifier,
    clock,
    fetch,
    limits: { intervalMs: witnessing.intervalMs },
    monotonicMs: () => performance.now(),
    random: Math.random,
    onFatal: (error) => log.stop(error),
    report,
  })
  try {
    await witnesses.start()
    if (!witnessing.required) return { witnesses, log }
    // A client that was told to come back does so; nobody needs the answer to its first request.
    const waitMsMax = 2 * config.answerWithinMs
    return { witnesses, log: await QuorumLog.open({ log, witnesses, waitMsMax }) }
  } catch (error) {
    await witnesses.close()
    throw error
  }
}

/** The log as its witnesses see it. */
export function witnessedLog(
  log: Log,
  signer: NoteSigner,
  { signers, retired }: CheckpointKeys = { signers: [signer], retired: [] },
): WitnessedLog {
  const origin = signer.name
  // What was cosigned before a rotation is signed by a retired key.
  const keys = [...signers.map((one) => verifierKeyOf(one, 'ed25519')), ...retired]
  const ports = { origin, checkpointSigners: signers, verifier: nodeVerifier }
  return {
    origin,
    treeSize: () => log.currentHead().treeHead.treeSize,
    look: () => log.look(),
    checkpoint: () => signOwnCheckpoint(ports, log.currentHead().treeHead),
    headAt: async (treeSize) => (await log.headAt(treeSize))?.treeHead,
    consistencyPath: async (treeSize1, treeSize2) =>
      (await log.consistencyProof(treeSize1, treeSize2)).consistencyPath,
    verifyOwn: async (checkpoint) => {
      await verifyCheckpoint({ checkpoint, origin, keys, verifier: nodeVerifier })
    },
  }
}

/** @throws StartError `ERR_CONFIGURATION` for a file that cannot be used. */
export async function readWitnessPolicy({
  policyPath,
  required,
}: WitnessingConfig): Promise<TlogPolicy> {
  let policy: TlogPolicy
  try {
    policy = parseTlogPolicy(new Uint8Array(await readFile(policyPath)))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = cause instanceof InputError ? message : `cannot be read (${code ?? message})`
    throw new StartError('ERR_CONFIGURATION', `--witness-policy ${policyPath}: ${reason}`, {
      cause,
    })
  }
  if (required && policy.quorum === QUORUM_NONE) {
    throw new StartError(
      'ERR_CONFIGURATION',
      `--require-witness with ${policyPath} requires nothing: its quorum is none`,
    )
  }
  return policy
}

function assertForThisLog(
  policy: TlogPolicy,
  { policyPath }: WitnessingConfig,
  signers: readonly NoteSigner[],
): void {
  const isListed = policy.logs.some(({ key }) =>
    signers.some(
      ({ name, publicKey }) => key.name === name && equalBytes(key.publicKey, publicKey),
    ),
  )
  if (policy.logs.length > 0 && !isListed) {
    throw new StartError(
      'ERR_CONFIGURATION',
      `--witness-policy ${policyPath} is for other logs: none of its log lines has the key that ` +
        `signs the checkpoints of ${signers[0]?.name ?? 'this log'}. After a rotation it is a new ` +
        `one: \`attestry log vkey\` prints it`,
    )
  }
}

/** The last witnessed checkpoint as a file, replaced whole and durably. */
export function checkpointFile(path: string): WitnessedCheckpointStore {
  return {
    load: async () => {
      try {
        return new Uint8Array(await readFile(path))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    save: (checkpoint) => replaceFile(path, checkpoint),
  }
}
