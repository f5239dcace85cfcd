/**
 * `attestry guard adopt`: makes a new guard for a log whose guard is lost (design D7). What a guard
 * proves, that this copy of the log is the newest, cannot be computed from the copy. So everything
 * stored is checked first, every head that the operator has from outside (receipts, witnesses,
 * mirrors) must be in it, and the rest is the operator's word.
 */
import { parseSignedTreeHead } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { InputError, StartError, VerificationError } from '../errors.ts'
import { checkLog } from './check-log.ts'
import { guardMoved } from './guard-refusals.ts'
import type { CheckLogOptions, CheckReport } from './check-log.ts'
import type { KnownHead } from './check-stored.ts'
import type { LogPorts } from './ports.ts'
import { checkIdentity } from './recover.ts'
import { signHead, verifyLogHead } from './signed-head.ts'
import type { StoredState } from './store.ts'

export interface AdoptGuardOptions
  extends LogPorts, Pick<CheckLogOptions, 'sha256' | 'kindOf' | 'isPruned' | 'onProgress'> {
  /** Heads seen outside: size and root of receipts, of heads that clients or witnesses kept. */
  readonly seenHeads?: readonly KnownHead[]
}

/**
 * Checks the log and creates its guard. The caller holds the data directory's lock.
 * @throws StartError `ERR_LOG_EXISTS` when there is a guard, `ERR_LOG_MOVED` for one that was put away;
 *   otherwise as {@link checkLog}.
 */
export async function adoptGuard(
  options: AdoptGuardOptions,
): Promise<{ head: SignedTreeHead; report: CheckReport }> {
  const { store, guard, seenHeads, hasher, verifier, sha256, kindOf, isPruned } = options
  const { onProgress } = options
  if ((await guard.read()) !== undefined) {
    if (guard.movedTo !== undefined) throw guardMoved(guard.movedTo)
    throw new StartError(
      'ERR_LOG_EXISTS',
      'there is a guard at this place already: start with it. A guard that is damaged is moved ' +
        'away by hand first',
    )
  }
  const report = await checkLog({
    ...{ store, hasher, verifier, knownHeads: seenHeads ?? [] },
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(kindOf === undefined ? {} : { kindOf }),
    ...(isPruned === undefined ? {} : { isPruned }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  const { state } = report
  checkIdentity(options, state)
  // The newest head may have been in the lost guard only. `/heads/{size}` was served as immutable, so
  // its own signature is taken where it was seen; signing it again, same root and same time,
  // contradicts nothing.
  const saved = await store.findSignedHead(state.treeHead.treeSize)
  const head = saved ?? (await findSeen(options, state)) ?? (await signHead(options, state))
  await store.saveSignedHead(head)
  // A node that still runs on the lost guard commits nothing more.
  await store.fence?.()
  await guard.create(head)
  return { head, report }
}

/** The newest head as somebody saw it, signed with the key in use. */
async function findSeen(
  { seenHeads = [], issuer, origin, signer, verifier }: AdoptGuardOptions,
  { treeHead, registrationTime }: StoredState,
): Promise<SignedTreeHead | undefined> {
  const keys = [signer.publicKey]
  for (const { treeSize, signed } of seenHeads) {
    if (treeSize !== treeHead.treeSize || signed === undefined) continue
    try {
      const { bytes } = parseSignedTreeHead(signed, treeHead.rootHash)
      const head = { treeHead, registrationTime, bytes }
      await verifyLogHead({ head, identity: { issuer, origin }, keys, verifier })
      return head
    } catch (error) {
      // Another log may have the same tree; its root was compared, and that is all that it says.
      if (!(error instanceof InputError || error instanceof VerificationError)) throw error
    }
  }
  return undefined
}
