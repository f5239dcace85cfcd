/**
 * `attestry backup`: a copy of a log at one signed head, made beside the process that serves it. The
 * copy is checked whole before it counts as a backup, because damage that is copied quietly is found
 * when it is too late. Private keys are not in it, and the guard never is (design D7).
 */
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError, UnavailableError } from '../errors.ts'
import type { Guard } from '../log/guard.ts'
import { copyOnline } from '../store/sqlite/online-copy.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { encodeManifest, MANIFEST_FILE, STORE_FILE } from './backup-manifest.ts'
import type { BackupManifest } from './backup-manifest.ts'
import { checkCopy } from './check-copy.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'
import { replaceFile } from './durable-file.ts'
import { digestFile, publishFile } from './file-digest.ts'
import { makeDirectory } from './make-directory.ts'
import { isPostgresUrl } from './store-location.ts'
import { readVersion } from './version.ts'

export interface BackupProgress {
  readonly stage: 'copying' | 'checking'
  readonly entries: number
  readonly treeSize: number
}

export interface BackupRequest {
  readonly data: string
  readonly guard?: string | undefined
  /** A directory that does not exist, or is empty. */
  readonly out: string
  readonly onProgress?: (progress: BackupProgress) => void
  /** Told where the guard should be. A log that lost its guard is backed up all the same, before anything else. */
  readonly onGuardMissing?: (place: string) => void
}

/** A head is signed some milliseconds after it was committed. */
const SIGNED_WITHIN_MS = 10_000
const LOOK_PERIOD_MS = 20

/**
 * Makes a backup; its manifest is returned.
 * @throws StartError `ERR_LOG_MISSING`, `ERR_LOG_CORRUPT` when what is stored does not hold,
 *   `ERR_CONFIGURATION` when `out` holds something.
 * @throws UnavailableError `ERR_STORE_BUSY` when it should be tried again.
 */
export async function backupLog(request: BackupRequest): Promise<BackupManifest> {
  const { data, guard: guardPath, onProgress } = request
  const paths = dataPaths(data, guardPath)
  if (isPostgresUrl(paths.store)) {
    const why = 'this log is in PostgreSQL: back it up with pg_basebackup, WAL archiving or pg_dump'
    throw new StartError('ERR_CONFIGURATION', `${why} (docs/operating.md)`)
  }
  const out = resolve(request.out)
  // Reading it first: without a log nothing is made.
  const store = SqliteLogStore.open(paths.store, { mode: 'existing', readonly: true })
  const guard = SqliteGuard.open(paths.guard)
  try {
    if ((await guard.read()) === undefined) request.onGuardMissing?.(guard.place)
    await prepareOut(out)
    const partial = join(out, `${STORE_FILE}.partial`)
    const { state, head, schema } = await copyOnline({
      source: paths.store,
      target: partial,
      findSignedHead: (size) => awaitSignedHead(store, guard, size),
      onProgress: (at) => onProgress?.({ stage: 'copying', ...at }),
    })
    const onChecked = (at: { entries: number; treeSize: number }): void =>
      onProgress?.({ stage: 'checking', ...at })
    await checkCopy(partial, { head, onProgress: onChecked })
    const digest = await digestFile(partial)
    await publishFile(partial, join(out, STORE_FILE))
    const { origin, issuer, receiptKeyId } = state
    const manifest: BackupManifest = {
      ...{ attestry: await readVersion(), schema, createdAt: systemClock.now() },
      ...{ origin, issuer, receiptKeyId, head },
      files: [{ path: STORE_FILE, ...digest }],
    }
    // A crash before this line leaves files that nobody takes for a backup.
    await replaceFile(join(out, MANIFEST_FILE), encodeManifest(manifest))
    return manifest
  } finally {
    await guard.close()
    await store.close()
  }
}

/** The newest head is in the guard before it is in the store; the next batch saves it there. */
async function awaitSignedHead(
  store: SqliteLogStore,
  guard: Pick<Guard, 'read'>,
  treeSize: TreeSize,
): Promise<SignedTreeHead> {
  for (let waitedMs = 0; waitedMs < SIGNED_WITHIN_MS; waitedMs += LOOK_PERIOD_MS) {
    const guarded = await guard.read()
    if (guarded?.treeHead.treeSize === treeSize) return guarded
    const saved = await store.findSignedHead(treeSize)
    if (saved !== undefined) return saved
    await wait(LOOK_PERIOD_MS)
  }
  throw new UnavailableError(
    'ERR_STORE_BUSY',
    `the newest batch, of size ${treeSize}, is not signed: start the registry, which finishes it, ` +
      'and name the right guard (--guard)',
  )
}

/** What an interrupted run leaves. */
const OWN_NAMES = [`${STORE_FILE}.partial`, `${MANIFEST_FILE}.new`, STORE_FILE]

/** Makes the directory, or empties one that an interrupted backup left. */
async function prepareOut(out: string): Promise<void> {
  makeDirectory(out, 0o700)
  const found = await readdir(out)
  const sidecars = OWN_NAMES.flatMap((name) => [name, `${name}-wal`, `${name}-shm`, `${name}-journal`]) // prettier-ignore
  if (found.includes(MANIFEST_FILE) || found.some((name) => !sidecars.includes(name))) {
    throw new StartError('ERR_CONFIGURATION', `${out} is not empty: name a new directory`)
  }
  for (const name of found) await rm(join(out, name))
}
