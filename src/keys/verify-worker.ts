/** The thread of `thread-verifier.ts`. */
import { parentPort } from 'node:worker_threads'
import { promptVerifier } from './node-verifier.ts'
import { unpackSignatures } from './packed-signatures.ts'
import type { PackedSignatures } from './packed-signatures.ts'

parentPort?.on('message', (packed: PackedSignatures) => {
  void answer(packed)
})

/** One byte a signature: 1 when it verifies. */
async function answer(packed: PackedSignatures): Promise<void> {
  const requests = unpackSignatures(packed)
  const verified = await Promise.all(requests.map((request) => promptVerifier.verify(request)))
  const answers = Uint8Array.from(verified, Number)
  parentPort?.postMessage(answers, [answers.buffer])
}
