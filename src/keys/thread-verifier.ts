/**
 * The verifier of a busy server: signatures that a turn of the event loop brings go to one thread
 * together. The thread pool is woken for each of them, which costs the serving thread 12 to 20 µs, a
 * quarter of what the signature itself takes. Few at a time, and those whose algorithm is slow, still
 * go to the pool: it answers the first of them sooner, and has several threads.
 */
import type { Worker } from 'node:worker_threads'
import { startBareWorker } from '../threads/bare-worker.ts'
import { builtWorker } from '../threads/built-worker.ts'
import type {
  SignatureRequest,
  SignatureScheme,
  SignatureVerifier,
} from '../x509/signature-verifier.ts'
import { nodeVerifier } from './node-verifier.ts'
import { packSignatures } from './packed-signatures.ts'

/** A verifier that is closed when the server is. */
export interface ThreadVerifier extends SignatureVerifier {
  close(): Promise<void>
}

interface Waiting {
  readonly request: SignatureRequest
  readonly resolve: (isValid: boolean | Promise<boolean>) => void
}

/** Fewer than this cost less in the pool. */
const TOGETHER_MIN = 4
/** More than this are answered in parts, so that the first of them need not wait for the last. */
const TOGETHER_MAX = 16

const BUILT_WORKER = builtWorker('verify-worker', import.meta.url)

/** @param worker the thread's module; undefined leaves everything to the pool. */
export function createThreadVerifier(worker: URL | undefined = BUILT_WORKER): ThreadVerifier {
  if (worker === undefined) return { ...nodeVerifier, close: () => Promise.resolve() }
  return new BatchVerifier(worker)
}

class BatchVerifier implements ThreadVerifier {
  readonly #module: URL
  #worker: Worker | undefined
  #isEnded = false
  #gathered: Waiting[] = []
  // What the thread has, in its order.
  #sent: (readonly Waiting[])[] = []

  constructor(module: URL) {
    this.#module = module
  }

  verify(request: SignatureRequest): Promise<boolean> {
    if (this.#isEnded || !isFast(request.scheme)) return nodeVerifier.verify(request)
    return new Promise((resolve) => {
      if (this.#gathered.push({ request, resolve }) === 1) setImmediate(() => this.#dispatch())
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #dispatch(): void {
    const gathered = this.#gathered
    this.#gathered = []
    if (this.#isEnded || gathered.length < TOGETHER_MIN) {
      for (const one of gathered) verifyInPool(one)
      return
    }
    for (let at = 0; at < gathered.length; at += TOGETHER_MAX)
      this.#send(gathered.slice(at, at + TOGETHER_MAX))
  }

  #send(part: readonly Waiting[]): void {
    const packed = packSignatures(part.map(({ request }) => request))
    this.#worker ??= this.#start()
    this.#worker.postMessage(packed, [packed.bytes.buffer, packed.items.buffer])
    // Whoever waits for an answer keeps the process alive; an idle thread does not.
    if (this.#sent.push(part) === 1) this.#worker.ref()
  }

  #start(): Worker {
    const worker = startBareWorker(this.#module, undefined)
    worker.on('message', (answers: Uint8Array) => {
      const part = this.#sent.shift()
      if (this.#sent.length === 0) worker.unref()
      part?.forEach(({ resolve }, at) => resolve(answers[at] === 1))
    })
    // A thread that ends costs speed: what it had goes to the pool, and all that follows.
    worker.on('error', () => this.#end())
    worker.on('exit', () => this.#end())
    return worker
  }

  #end(): void {
    this.#isEnded = true
    for (const part of this.#sent.splice(0)) part.forEach(verifyInPool)
  }
}

function verifyInPool({ request, resolve }: Waiting): void {
  resolve(nodeVerifier.verify(request))
}

/** What takes a tenth of a millisecond at most. */
function isFast(scheme: SignatureScheme): boolean {
  return scheme.kind === 'ed25519' || (scheme.kind === 'ecdsa' && scheme.curve === 'P-256')
}
