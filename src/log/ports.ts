/** What the log is given: its two stores, a signer, a clock, and functions that check and hash. */
import type { LogIdentity } from './store.ts'
import type { LogStore } from './store.ts'
import type { Guard } from './guard.ts'
import type { Clock } from './clock.ts'
import type { LogObserver, ReachObserver } from './observer.ts'
import type { Signer } from '../cose/signer.ts'
import type { UnavailableError } from '../errors.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { WritePath } from './write-path.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'

/** Enough to read a log and check it. */
export interface CheckingPorts {
  readonly store: LogStore
  readonly hasher: TreeHasher
  readonly verifier: SignatureVerifier
}

/** Enough to append to a log. */
export interface LogPorts extends CheckingPorts, Pick<LogIdentity, 'origin' | 'issuer'> {
  readonly guard: Guard
  /** The receipt key. */
  readonly signer: Signer
  readonly clock: Clock
  /** Why nothing but journals is stored now; asked for each batch, since what waits was let in before. */
  readonly refusal?: (() => UnavailableError | undefined) | undefined
  /** Writes batches on a thread of its own; by default they are written where they are made. */
  readonly writePath?: WritePath | undefined
  /** Told of every step of every batch. */
  readonly observer?: LogObserver | undefined
  /** Told of outages, where store and guard are shared; other ones end the process. */
  readonly onReach?: ReachObserver | undefined
}
