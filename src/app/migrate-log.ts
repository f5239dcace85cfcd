/**
 * `attestry migrate`: moves a log from its SQLite file to PostgreSQL, with everything that it ever said:
 * indexes, roots, heads, keys, collateral, payloads, tokens, refusals. The registry is stopped
 * meanwhile. There is one place at a time that may sign: the source is marked as moved and its guard put
 * away, durably, before the new guard is made, and only after all of the copy was checked. Killed at any
 * moment, run again.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import { nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { checkLog } from '../log/check-log.ts'
import type { CheckReport } from '../log/check-log.ts'
import { copyHistory } from '../log/copy-history.ts'
import type { LogStore } from '../log/store.ts'
import { PostgresMoveIn } from '../store/postgres/move-in.ts'
import { PostgresLogStore } from '../store/postgres/postgres-log-store.ts'
import { markMoved, readMoved } from '../store/sqlite/moved-log.ts'
import { ProcessLock } from '../store/sqlite/process-lock.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { kindOf } from './check-log.ts'
import { systemClock } from './config.ts'
import { copySideTables } from './copy-side-tables.ts'
import { localPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { dropFrozen, moveFrozen } from './frozen.ts'
import { handOverGuard, readFinishedHead } from './move-guard.ts'
import { prunedIn } from './pruned-payloads.ts'
import { isPostgresUrl, isReadableUrl, recordLocation, withoutPassword } from './store-location.ts'
import { assertApart } from './stores.ts'

export interface MigrateProgress {
  readonly stage: 'copying' | 'checking'
  readonly entries: number
  readonly treeSize: number
}

export interface MigrateRequest {
  readonly data: string
  readonly guard?: string | undefined
  /** URL of an empty database, or of one that an interrupted run began to fill. */
  readonly to: string
  /** URL of the guard from then on, a database of another cluster. */
  readonly toGuard: string
  readonly onProgress?: (progress: MigrateProgress) => void
}

export interface MigrateReport {
  readonly checked: CheckReport
  /** What the log is served with from now on, without passwords. */
  readonly store: string
  readonly guard: string
}

/**
 * @throws StartError `ERR_LOG_LOCKED` while the registry runs; `ERR_LOG_EXISTS` when the database holds
 *   something else; `ERR_LOG_CORRUPT`, `ERR_GUARD_…` when this log must not be signed with either.
 * @throws UnavailableError `ERR_STORE_BUSY` when a database is not reached: run it again.
 */
export async function migrateLog(request: MigrateRequest): Promise<MigrateReport> {
  const paths = localPaths(request.data, request.guard)
  const opened = new Opened()
  try {
    // First: without a log nothing is made, and no lock file either.
    const source = SqliteLogStore.open(paths.store, { mode: 'existing', readonly: true })
    opened.add(source)
    const lock = ProcessLock.acquire(paths.lock)
    opened.add({ close: () => lock.release() })
    await checkUrls(request)
    const moveIn = await PostgresMoveIn.open(request.to)
    opened.add(moveIn)
    const target = await PostgresLogStore.open(request.to, { mode: 'create' })
    opened.add(target)
    const parts = { request, paths, source, target, moveIn }
    const moved = readMoved(paths.store)
    if (moved === undefined) await copy(parts)
    else if (moved.name !== moveIn.name) throw movedElsewhere(moved.name)
    const checked = await check(parts)
    if (moved === undefined) {
      const { treeSize } = checked.state.treeHead
      // From here on nothing is signed in the old place, and nothing yet in the new one.
      markMoved(paths.store, { name: moveIn.name, treeSize, movedAt: systemClock.now() })
    }
    // Before the guard: whoever signs in the new place finds it frozen.
    await moveFrozen(paths, request.to)
    await handOverGuard(paths, { toGuard: request.toGuard, movedTo: moveIn.name, target })
    // From here on every command goes to the new place by itself.
    const { to: store, toGuard: guard } = request
    await recordLocation({ directory: paths.directory, store, guard })
    // Last: a node that has a file of its own stays frozen when another one ends it.
    await dropFrozen(paths)
    return { checked, store: moveIn.name, guard: withoutPassword(guard) }
  } finally {
    await opened.close()
  }
}

interface MigrateParts {
  readonly request: MigrateRequest
  readonly paths: DataPaths
  readonly source: LogStore
  readonly target: LogStore
  readonly moveIn: PostgresMoveIn
}

async function checkUrls({ to, toGuard }: MigrateRequest): Promise<void> {
  for (const [option, url] of Object.entries({ '--to': to, '--to-guard': toGuard })) {
    if (isPostgresUrl(url) && isReadableUrl(url)) continue
    // It may hold a password.
    throw new StartError('ERR_CONFIGURATION', `${option} is no URL like postgres://host/database`)
  }
  await assertApart({ store: to, guard: toGuard })
}

async function copy({ request, paths, source, target, moveIn }: MigrateParts): Promise<void> {
  const head = await readFinishedHead(source, paths)
  await copyHistory({
    ...{ source, hasher: nativeHasher, sha256: nativeSha256 },
    target: { store: target, append: (batch, heads) => moveIn.append(batch, heads) },
    onProgress: (at) => request.onProgress?.({ stage: 'copying', ...at }),
  })
  // The newest head may be in the guard only.
  await target.saveSignedHead(head)
  await moveIn.putServiceKeys(
    await source.listServiceKeys(),
    (await source.readState()).receiptKeyId,
  )
  await copySideTables(paths, moveIn)
  await compareHeads(source, target)
}

const HEADS_A_PAGE = 1024

/** Every signed head byte for byte: Receipts that are out were made from these signatures. */
async function compareHeads(source: LogStore, target: LogStore): Promise<void> {
  for (let after = 0; ;) {
    const heads = await source.listSignedHeads(after, HEADS_A_PAGE)
    const copies = await target.listSignedHeads(after, HEADS_A_PAGE)
    const last = heads.at(-1)
    if (last === undefined) return
    heads.forEach(({ bytes, treeHead }, at) => {
      const found = copies[at]
      if (found !== undefined && equalBytes(found.bytes, bytes)) return
      const why = `the signed head of size ${treeHead.treeSize} is another one in the copy: name an empty database and begin again`
      throw new StartError('ERR_LOG_CORRUPT', why)
    })
    after = last.treeHead.treeSize
  }
}

/** Everything in the copy, and that it contains what the guard holds and the source ends with. */
async function check({ request, source, target }: MigrateParts): Promise<CheckReport> {
  const { treeHead } = await source.readState()
  return checkLog({
    ...{
      store: target,
      hasher: nativeHasher,
      verifier: nodeVerifier,
      sha256: nativeSha256,
      kindOf,
    },
    isPruned: prunedIn(target),
    knownHeads: [{ ...treeHead, heldBy: 'the data directory' }],
    onProgress: (at) => request.onProgress?.({ stage: 'checking', ...at }),
  })
}

function movedElsewhere(name: string): StartError {
  return new StartError(
    'ERR_LOG_MOVED',
    `this log was moved to ${name} already: name that database`,
  )
}

/** What is closed at the end, the last first. */
class Opened {
  readonly #all: { readonly close: () => unknown }[] = []

  add(one: { readonly close: () => unknown }): void {
    this.#all.unshift(one)
  }

  async close(): Promise<void> {
    for (const one of this.#all) await one.close()
  }
}
