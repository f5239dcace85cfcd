/** What a scrape finds out by looking: sizes, lags, space, states. One look for all of them. */
import { statSync } from 'node:fs'
import { Gauge } from 'prom-client'
import type { Registry as PrometheusRegistry } from 'prom-client'
import type { Log } from '../log/log.ts'
import type { ScrubState } from '../log/scrub-state.ts'
import type { LogWitnesses } from '../log/witness.ts'
import type { RegistryConfig } from './config.ts'
import type { Readiness } from './readiness.ts'
import type { ServedWriteGate } from './write-gate.ts'

export interface GaugeSources {
  readonly log: Log
  readonly witnesses: LogWitnesses | undefined
  readonly gate: ServedWriteGate
  /** When the certificate of this server ends; undefined without TLS. */
  readonly tlsNotAfter: () => number | undefined
  readonly readiness: () => Promise<Readiness>
  /** Undefined when nothing is scrubbed. */
  readonly scrub: (() => ScrubState) | undefined
  readonly config: Pick<RegistryConfig, 'clock' | 'paths'>
}

interface GaugeText {
  readonly name: string
  readonly help: string
}

/** Adds the gauges; each scrape makes one look. */
export function addGauges(registry: PrometheusRegistry, sources: GaugeSources): void {
  const registers = [registry]
  const gauge = ({ name, help }: GaugeText, look: () => number | undefined): void => {
    const made: Gauge = new Gauge({
      ...{ name: `attestry_${name}`, help, registers },
      collect: () => {
        const value = look()
        if (value === undefined) made.remove()
        else made.set(value)
      },
    })
  }
  const { log, witnesses, gate, config } = sources
  gauge({ name: 'tree_size', help: 'Entries that are released.' }, () => treeSizeOf(log))
  gauge(
    { name: 'head_age_seconds', help: 'Time since the newest head was signed.' },
    () => config.clock.now() - log.currentHead().registrationTime,
  )
  gauge(
    {
      name: 'batch_age_seconds',
      help: 'Time since the batch under way was first tried; 0 while nothing waits.',
    },
    () => log.batchSeconds,
  )
  gauge({ name: 'queue_entries', help: 'Registrations that wait for a batch.' }, () => {
    return log.queued.entries
  })
  gauge({ name: 'queue_bytes', help: 'Bytes of what waits.' }, () => log.queued.bytes)
  gauge({ name: 'frozen', help: '1 while the log is frozen.' }, () => Number(!!gate.frozen))
  gauge({ name: 'disk_low', help: '1 while the disk floor sheds registrations.' }, () =>
    Number(gate.isDiskLow),
  )
  gauge({ name: 'store_bytes', help: 'Size of log.sqlite, where that is the store.' }, () =>
    sizeOf(config.paths.store),
  )
  gauge({ name: 'store_wal_bytes', help: 'Size of its write-ahead log.' }, () =>
    sizeOf(`${config.paths.store}-wal`),
  )
  if (sources.tlsNotAfter() !== undefined) {
    const help = 'When the certificate of this server ends, Unix time.'
    gauge({ name: 'tls_not_after_seconds', help }, () => sources.tlsNotAfter())
  }
  if (witnesses !== undefined) {
    gauge({ name: 'witnessed_tree_size', help: 'Largest tree that a quorum cosigned.' }, () =>
      Number(witnesses.newestWitnessed()?.treeSize ?? 0),
    )
  }
  if (sources.scrub !== undefined) addScrubGauges(gauge, sources.scrub)
  addDiskGauge(registers, gate)
  addReadinessGauges(registers, sources)
}

function addScrubGauges(
  gauge: (text: GaugeText, look: () => number | undefined) => void,
  scrub: () => ScrubState,
): void {
  gauge({ name: 'scrub_position', help: 'Entries that this pass of the scrubber checked.' }, () => {
    return scrub().position
  })
  gauge({ name: 'scrub_tree_size', help: 'Entries that this pass checks.' }, () => {
    return scrub().treeSize
  })
  gauge(
    { name: 'scrub_last_pass_timestamp_seconds', help: 'When everything was found right last.' },
    () => scrub().lastPassAt,
  )
  gauge(
    { name: 'scrub_failures', help: 'Reads of the scrubber that failed since the start.' },
    () => {
      return scrub().failures
    },
  )
}

function treeSizeOf(log: Log): number {
  return log.currentHead().treeHead.treeSize
}

function addDiskGauge(registers: PrometheusRegistry[], gate: ServedWriteGate): void {
  const made = new Gauge<'place'>({
    name: 'attestry_disk_free_bytes',
    help: 'Free bytes where the log (data) and its guard are.',
    labelNames: ['place'],
    registers,
    collect: () => {
      for (const { name, freeBytes } of gate.disks) {
        if (freeBytes !== undefined) made.set({ place: name }, freeBytes)
      }
    },
  })
}

/** 1 for ok, 0.5 for degraded, 0 for failing: `min()` over nodes says how the worst one is. */
const LEVELS = { ok: 1, degraded: 0.5, failing: 0 } as const

function addReadinessGauges(
  registers: PrometheusRegistry[],
  { readiness }: Pick<GaugeSources, 'readiness'>,
): void {
  const lag = new Gauge({
    name: 'attestry_index_lag_entries',
    help: 'Released entries that look-ups do not cover yet.',
    registers,
  })
  const check = new Gauge<'check'>({
    name: 'attestry_check',
    help: 'Each check of /health/ready: 1 ok, 0.5 degraded, 0 failing.',
    labelNames: ['check'],
    registers,
    collect: async () => {
      const { checks } = await readiness()
      for (const [name, { status }] of Object.entries(checks)) {
        check.set({ check: name }, LEVELS[status])
      }
      const entries = checks['index']?.['lagEntries']
      if (typeof entries === 'number') lag.set(entries)
    },
  })
}

/** Undefined when there is no such file. */
function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
