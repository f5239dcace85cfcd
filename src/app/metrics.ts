/**
 * What is counted while a registry runs, in Prometheus' terms; docs/operating.md says of each metric
 * what to do about it. The parts tell through small ports and know nothing of this file. What can
 * be looked up is not counted: `metric-gauges.ts` asks for it when somebody scrapes.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { HttpObserver, ObservedKind } from '../http/observer.ts'
import type { BatchStep, LogObserver } from '../log/observer.ts'
import type { RefusalRecorder } from '../registry/ports.ts'
import type { ServiceEvent } from './config.ts'

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
const MILLISECONDS = 1000

/** What a finished step is called, and what its time is the time of. */
const STEPS: Readonly<Record<Exclude<BatchStep, 'begun'>, string>> = {
  committed: 'commit',
  verified: 'verify',
  signed: 'sign',
  guarded: 'guard',
}

export class ServiceMetrics {
  readonly registry: Registry = new Registry()
  // Plain numbers on the way of every request; a scrape makes metrics of them.
  readonly #requests: Record<ObservedKind, number> = { registrations: 0, reads: 0, health: 0 }
  readonly #registered: Record<'registered' | 'pending', number> = { registered: 0, pending: 0 }
  readonly #problems: Counter<'status' | 'code'>
  readonly #registrationSeconds: Histogram
  readonly #refusals: Counter<'rule'>
  readonly #batchEntries: Histogram
  readonly #batchSeconds: Histogram<'step'>
  readonly #events: Counter<'event' | 'level'>
  readonly #witnessFailing: Gauge<'witness'>

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    addCounts(registers, this.#requests, 'kind', {
      name: 'attestry_requests_total',
      help: 'Requests by kind: registrations, reads, health.',
    })
    this.#problems = new Counter({
      name: 'attestry_problems_total',
      help: 'Requests answered with a problem, by HTTP status and machine code.',
      labelNames: ['status', 'code'],
      registers,
    })
    addCounts(registers, this.#registered, 'status', {
      name: 'attestry_registrations_total',
      help: 'Registrations by outcome: registered (201) or pending (202).',
    })
    this.#registrationSeconds = new Histogram({
      name: 'attestry_registration_seconds',
      help: 'Time from the headers of a registration to its answer 201 or 202.',
      buckets: SECONDS,
      registers,
    })
    this.#refusals = new Counter({
      name: 'attestry_refusals_total',
      help: 'Statements that the Registration Policy refused, by rule.',
      labelNames: ['rule'],
      registers,
    })
    this.#batchEntries = new Histogram({
      name: 'attestry_batch_entries',
      help: 'Entries of a batch.',
      buckets: ENTRIES,
      registers,
    })
    this.#batchSeconds = new Histogram({
      name: 'attestry_batch_seconds',
      help: 'Time of a batch by step: commit (with its sync), verify, sign, guard (with its sync).',
      labelNames: ['step'],
      buckets: SECONDS,
      registers,
    })
    this.#events = new Counter({
      name: 'attestry_events_total',
      help: 'Events of the log of this process, by name and level.',
      labelNames: ['event', 'level'],
      registers,
    })
    this.#witnessFailing = new Gauge({
      name: 'attestry_witness_failing',
      help: '1 while a witness does not answer as it should.',
      labelNames: ['witness'],
      registers,
    })
  }

  /** Given to the HTTP server. */
  get http(): HttpObserver {
    const [requests, registered, problems] = [this.#requests, this.#registered, this.#problems]
    const seconds = this.#registrationSeconds
    return {
      onRequest: (kind) => {
        requests[kind] += 1
      },
      onRegistered: (status, milliseconds) => {
        registered[status] += 1
        seconds.observe(milliseconds / MILLISECONDS)
      },
      onProblem: ({ status, code }) => problems.inc({ status: String(status), code }),
    }
  }

  /** Given to the log. A batch that failed leaves the times of its finished steps. */
  get log(): LogObserver {
    let last = 0
    return {
      onBatch: (step, entriesCount, atMs) => {
        if (step !== 'begun') {
          this.#batchSeconds.observe({ step: STEPS[step] }, (atMs - last) / MILLISECONDS)
        }
        if (step === 'guarded') this.#batchEntries.observe(entriesCount)
        last = atMs
      },
    }
  }

  /** Counts refusals on their way to whoever keeps them. */
  countRefusals(recorder: RefusalRecorder): RefusalRecorder {
    return {
      record: (refusal) => {
        this.#refusals.inc({ rule: refusal.rule })
        recorder.record(refusal)
      },
    }
  }

  /** Counts an event. */
  onEvent({ event, level, witness }: ServiceEvent): void {
    this.#events.inc({ event, level })
    if (typeof witness !== 'string') return
    if (event === 'witness-failed') this.#witnessFailing.set({ witness }, 1)
    if (event === 'witness-answers') this.#witnessFailing.set({ witness }, 0)
  }
}

/** A counter with one label, made of plain numbers whenever it is asked for. */
function addCounts(
  registers: Registry[],
  counts: Readonly<Record<string, number>>,
  label: string,
  text: { readonly name: string; readonly help: string },
): void {
  const counter: Counter = new Counter({
    ...{ ...text, labelNames: [label], registers },
    collect: () => {
      counter.reset()
      for (const [value, count] of Object.entries(counts)) counter.inc({ [label]: value }, count)
    },
  })
}
