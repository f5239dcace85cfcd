/** The worker thread of `sigstore-bundle-verifier.ts`: verifies one bundle after the other. */
import { parentPort } from 'node:worker_threads'
import { onMessage } from '../threads/on-message.ts'
import { answerRequest } from './bundle-answer.ts'
import { BundleChecker } from './verify-bundle.ts'
import type { VerifyBundleRequest } from './verify-bundle.ts'

const checker = new BundleChecker()

onMessage((request: VerifyBundleRequest) => {
  parentPort?.postMessage(answerRequest(checker, request))
})
