/**
 * Verifies Sigstore bundles beside the serving thread: one costs 10 to 20 ms, in which thousands of
 * plain statements are verified, and a hang of the library's must not stop registrations
 * (`threads/queued-work.ts`).
 */
import type { BundleVerifier, InnerIdentity } from '../payload/bundle-verifier.ts'
import { builtWorker } from '../threads/built-worker.ts'
import { QueuedWork } from '../threads/queued-work.ts'
import { readAnswer } from './bundle-answer.ts'
import type { BundleAnswer } from './bundle-answer.ts'
import type { VerifyBundleRequest } from './verify-bundle.ts'

const QUEUE_MAX = 256
const TIMEOUT_MS = 10_000

export interface SigstoreBundleVerifierOptions {
  /** Bundles that may wait; an auditor, who reads as fast as the answers come, sets no limit. */
  readonly queueMax?: number
  readonly timeoutMs?: number
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker?: URL | undefined
}

const BUILT_WORKER = builtWorker('bundle-worker', import.meta.url)

const SAYS = {
  closed: 'bundles are verified no more',
  full: 'too many bundles wait to be verified',
  slow: 'a bundle took too long to verify',
  ended: 'the thread that verifies bundles ended',
} as const

export class SigstoreBundleVerifier implements BundleVerifier {
  readonly #work: QueuedWork<VerifyBundleRequest, BundleAnswer>

  constructor(options: SigstoreBundleVerifierOptions = {}) {
    const { queueMax = QUEUE_MAX, timeoutMs = TIMEOUT_MS } = options
    this.#work = new QueuedWork({
      ...{ queueMax, timeoutMs, says: SAYS, here: answerHere() },
      worker: 'worker' in options ? options.worker : BUILT_WORKER,
    })
  }

  async verify(request: VerifyBundleRequest): Promise<InnerIdentity> {
    return readAnswer(await this.#work.run(request))
  }

  /** Answers what waits, and ends the thread. */
  close(): Promise<void> {
    return this.#work.close()
  }
}

/** The library is loaded by the first bundle: most processes never see one. */
function answerHere(): (request: VerifyBundleRequest) => Promise<BundleAnswer> {
  let answer: ((request: VerifyBundleRequest) => BundleAnswer) | undefined
  return async (request) => {
    answer ??= await loadChecker()
    return answer(request)
  }
}

async function loadChecker(): Promise<(request: VerifyBundleRequest) => BundleAnswer> {
  const [{ BundleChecker }, { answerRequest }] = await Promise.all([
    import('./verify-bundle.ts'),
    import('./bundle-answer.ts'),
  ])
  const checker = new BundleChecker()
  return (request) => answerRequest(checker, request)
}
