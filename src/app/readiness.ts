/**
 * Whether a node should get traffic, part by part: its own signed head verifies, the guard holds it,
 * no batch hangs, the index follows, there is room, nothing is frozen. Only what makes it unable to
 * answer rightly fails it; what it cannot do beside that is told, so that an alert can say which part.
 */
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { Health } from '../registry/health.ts'
import type { Registry } from '../registry/registry.ts'
import type { RegistryConfig } from './config.ts'
import type { ServedWriteGate } from './write-gate.ts'

/** One part and what there is to say about it. */
export interface ReadinessCheck {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly [field: string]: unknown
}

export interface Readiness {
  /** `read-only`: reads are answered, and nothing new is registered. */
  readonly status: 'ready' | 'read-only' | 'failing'
  readonly checks: Readonly<Record<string, ReadinessCheck>>
}

export interface ReadinessPorts {
  readonly registry: Pick<Registry, 'checkHealth'>
  readonly gate: ServedWriteGate
  /** What the guard holds. */
  readonly readGuard: () => Promise<SignedTreeHead | undefined>
  /** How long the batch under way has taken so far, with all its tries. */
  readonly batchSeconds: () => number
  readonly isDraining: () => boolean
  readonly clock: RegistryConfig['clock']
}

/** A guard that answers later than this does not answer. */
const GUARD_TIMEOUT_MS = 2000
/**
 * A batch is bounded, so one that takes longer than this is stuck, in a disk or a signer that neither answers
 * nor fails, or behind other nodes that come first each time; with more than is stored batches are many, and
 * none of them is slow.
 */
const BATCH_SECONDS_MAX = 10

/** Never rejects. */
export async function checkReadiness(ports: ReadinessPorts): Promise<Readiness> {
  const health = await ports.registry.checkHealth()
  const checks = {
    head: checkHead(health, ports),
    guard: await checkGuard(health, ports),
    batch: checkBatch(ports),
    index: checkIndex(health),
    disk: checkDisk(ports),
    frozen: checkFrozen(ports),
    draining: { status: ports.isDraining() ? ('failing' as const) : ('ok' as const) },
  }
  const isFailing = Object.values(checks).some(({ status }) => status === 'failing')
  const isReadOnly = health.registrations.status === 'refused'
  return { status: isFailing ? 'failing' : isReadOnly ? 'read-only' : 'ready', checks }
}

function checkHead(health: Health, { clock }: ReadinessPorts): ReadinessCheck {
  const { treeSize, registrationTime, failure } = health
  // An idle log has an old head, and nothing is wrong with it.
  const ageSeconds = Math.max(0, clock.now() - registrationTime)
  const status = failure === undefined ? 'ok' : 'failing'
  return { status, treeSize, ageSeconds, ...(failure === undefined ? {} : { failure }) }
}

/** A guard that is ahead belongs to a newer copy, or to a batch that this node has yet to see. */
async function checkGuard(health: Health, { readGuard }: ReadinessPorts): Promise<ReadinessCheck> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${GUARD_TIMEOUT_MS} ms`)
    timer = setTimeout(() => reject(error), GUARD_TIMEOUT_MS)
  })
  try {
    const held = await Promise.race([readGuard(), late])
    if (held === undefined) return { status: 'failing', message: 'there is no guard' }
    const { treeSize } = held.treeHead
    return { status: treeSize < health.treeSize ? 'failing' : 'ok', treeSize }
  } catch (error) {
    return { status: 'failing', message: (error as Error).message }
  } finally {
    clearTimeout(timer)
  }
}

/** What waits behind a batch that hangs is answered `ERR_TIMEOUT`, each after its time. */
function checkBatch({ batchSeconds }: ReadinessPorts): ReadinessCheck {
  const seconds = batchSeconds()
  const ageSeconds = Math.round(seconds * 10) / 10
  if (seconds < BATCH_SECONDS_MAX) return { status: 'ok', ageSeconds }
  return { status: 'failing', ageSeconds, failure: 'ERR_TIMEOUT' }
}

function checkIndex({ index, treeSize }: Health): ReadinessCheck {
  const status = index.status === 'failing' ? 'degraded' : 'ok'
  if (index.treeSize === undefined) return { status, index: index.status }
  return { status, index: index.status, lagEntries: Math.max(0, treeSize - index.treeSize) }
}

function checkDisk({ gate }: ReadinessPorts): ReadinessCheck {
  const freeBytes = Object.fromEntries(gate.disks.map(({ name, freeBytes: free }) => [name, free]))
  return { status: gate.isDiskLow ? 'degraded' : 'ok', freeBytes }
}

function checkFrozen({ gate: { frozen } }: ReadinessPorts): ReadinessCheck {
  return frozen === undefined ? { status: 'ok' } : { status: 'degraded', ...frozen }
}
