/**
 * The scrubber of a serving registry: in a worker thread (or, where the sources run unbuilt, on this
 * one), reading beside the connection that serves. Damage stops the registry: it would be found by
 * whoever asks for the damaged entry, and what to do about it is for an operator to decide.
 */
import { InvariantError } from '../errors.ts'
import type { ScrubState } from '../log/scrub-state.ts'
import { builtWorker } from '../threads/built-worker.ts'
import { startWorker } from '../threads/start-worker.ts'
import type { RegistryConfig } from './config.ts'
import { ScrubLoop } from './scrub-loop.ts'
import type { ScrubEvents, ScrubOptions } from './scrub-loop.ts'

export type FromScrubWorker =
  | { readonly kind: 'state'; readonly state: ScrubState }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'damage'; readonly message: string }

export interface Scrubbing {
  /** How far it is. */
  readonly state: () => ScrubState
  readonly close: () => Promise<void>
}

export interface ScrubbingOptions
  extends Pick<RegistryConfig, 'paths' | 'report'>, Pick<ScrubOptions, 'rateBytes' | 'delayMs'> {
  /** Damage was found: nothing may be signed or served any more. */
  readonly onFatal: (error: Error) => void
}

const BUILT_WORKER = builtWorker('scrub-worker', import.meta.url)

export function startScrubbing({ paths, rateBytes, delayMs, ...on }: ScrubbingOptions): Scrubbing {
  let state: ScrubState = { position: 0, treeSize: 0, lastPassAt: undefined, failures: 0 }
  const events: ScrubEvents = {
    onState: (next) => (state = next),
    onFailure: (message) => on.report({ level: 'error', event: 'scrub-failed', message }),
    onDamage: (message) => on.onFatal(damaged(message, paths.directory)),
  }
  const options = { paths: { store: paths.store, scrub: paths.scrub }, rateBytes, delayMs }
  const close = BUILT_WORKER === undefined ? scrubHere(options, events) : scrubIn(BUILT_WORKER, options, events) // prettier-ignore
  return { state: () => state, close }
}

function damaged(message: string, directory: string): InvariantError {
  return new InvariantError(
    `the scrubber found damage in ${directory}: ${message}. Nothing is signed any more. Run ` +
      '`attestry log check` for everything that is damaged, look at the disk, and put an undamaged ' +
      'newest copy back (docs/operating.md, Scrubbing)',
  )
}

function scrubHere(options: ScrubOptions, events: ScrubEvents): Scrubbing['close'] {
  const loop = ScrubLoop.start(options, events)
  return () => loop.stop()
}

/** A worker that ends by itself costs the scrubbing until the next start, and is told. */
function scrubIn(module: URL, options: ScrubOptions, events: ScrubEvents): Scrubbing['close'] {
  const worker = startWorker(module, { workerData: options })
  worker.unref()
  let isOver = false
  worker.on('message', (message: FromScrubWorker) => {
    if (message.kind === 'state') events.onState(message.state)
    else if (message.kind === 'failure') events.onFailure(message.message)
    else events.onDamage(message.message)
  })
  worker.on('error', (error: Error) => events.onFailure(`its thread ended: ${error.message}`))
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      isOver = true
      resolve()
    })
  })
  return async () => {
    if (isOver) return
    worker.ref()
    worker.postMessage('stop')
    await ended
  }
}
