/**
 * `attestry restore`: makes a data directory from a backup. The very bytes that will be served are
 * hashed, checked whole, and only then given their name. Whether the log may go on is the guard's
 * word: one that is ahead means that Receipts are out for entries that this backup does not have, and
 * `serve` will refuse to sign. A backup of another history than the guard's is not restored at all.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { equalBytes } from '../bytes/bytes.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { AttestryError, StartError } from '../errors.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { CheckReport } from '../log/check-log.ts'
import { readReceiptKeys } from '../log/recover.ts'
import { verifyLogHead } from '../log/signed-head.ts'
import { migrateCopy } from '../store/sqlite/online-copy.ts'
import { ProcessLock } from '../store/sqlite/process-lock.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { MANIFEST_FILE, parseManifest, STORE_FILE } from './backup-manifest.ts'
import type { BackupManifest } from './backup-manifest.ts'
import { checkCopy } from './check-copy.ts'
import { localPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { prepareDirectory } from './empty-place.ts'
import { digestFile, publishFile } from './file-digest.ts'

export interface RestoreRequest {
  readonly backup: string
  /** A directory that does not exist, or holds nothing but `keys`. */
  readonly data: string
  readonly guard?: string | undefined
  readonly onProgress?: (progress: { readonly entries: number; readonly treeSize: number }) => void
}

/** How the guard stands to what was restored. Only with `equal` does the log go on. */
export interface GuardStanding {
  readonly standing: 'missing' | 'equal' | 'ahead' | 'behind' | 'moved'
  /** Size of the guard's head. */
  readonly treeSize?: number
  /** Where the log went, of a guard that was put away then. */
  readonly movedTo?: string
}

export interface RestoreReport {
  readonly manifest: BackupManifest
  readonly checked: CheckReport
  readonly guard: GuardStanding
  /** Private keys that the log needs and the directory does not have. */
  readonly missingKeys: readonly string[]
}

/**
 * @throws StartError `ERR_BACKUP_DAMAGED`, `ERR_LOG_CORRUPT`, `ERR_GUARD_FORK`, or
 *   `ERR_CONFIGURATION` when the data directory holds something.
 */
export async function restoreLog(request: RestoreRequest): Promise<RestoreReport> {
  const paths = localPaths(request.data, request.guard)
  const backup = resolve(request.backup)
  const manifest = await readManifest(backup)
  await prepareDirectory(paths, OWN_NAMES, 'name a new directory. Nothing is overwritten')
  const lock = ProcessLock.acquire(paths.lock)
  const partial = `${paths.store}.partial`
  try {
    await rm(partial, { force: true })
    await copyStore(manifest, backup, partial)
    migrateCopy(partial)
    const { guard, checked } = await check(request, { paths, partial, manifest })
    await publishFile(partial, paths.store)
    const missingKeys = await findMissingKeys(paths)
    return { manifest, checked, guard, missingKeys }
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  } finally {
    lock.release()
  }
}

/** Of each purpose there has to be one: the first, or what a rotation made (`receipt-KEYID.pem`). */
async function findMissingKeys(paths: DataPaths): Promise<readonly string[]> {
  const present = await readdir(paths.keys)
  const firsts = [paths.receiptKey, paths.checkpointKey, paths.registrarKey]
  return firsts.filter((path) => {
    const purpose = basename(path, '.pem')
    return !present.some((name) => name === `${purpose}.pem` || name.startsWith(`${purpose}-`))
  })
}

async function readManifest(backup: string): Promise<BackupManifest> {
  try {
    return parseManifest(new Uint8Array(await readFile(join(backup, MANIFEST_FILE))))
  } catch (cause) {
    if (cause instanceof AttestryError) throw cause
    const why = `${backup} holds no backup: its ${MANIFEST_FILE} cannot be read`
    throw new StartError('ERR_BACKUP_DAMAGED', why, { cause })
  }
}

/** What an interrupted run leaves, and keys that were put back first. */
const OWN_NAMES: readonly string[] = ['keys', 'lock.sqlite', `${STORE_FILE}.partial`]

async function copyStore(
  { files }: BackupManifest,
  backup: string,
  partial: string,
): Promise<void> {
  for (const { path, bytes, sha256 } of files) {
    const found = await copyFile(join(backup, path), partial)
    if (found.bytes === bytes && equalBytes(found.sha256, sha256)) continue
    const why = `${join(backup, path)} is not the file that the manifest describes: it is damaged`
    throw new StartError('ERR_BACKUP_DAMAGED', why)
  }
}

async function copyFile(path: string, partial: string): ReturnType<typeof digestFile> {
  try {
    return await digestFile(path, partial)
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      throw new StartError('ERR_BACKUP_DAMAGED', `the backup has no ${path}`, { cause })
    }
    const why = code === 'ENOSPC' ? 'the disk is full' : code
    throw new StartError('ERR_CONFIGURATION', `${path} cannot be copied: ${why}`, { cause })
  }
}

interface RestoredParts {
  readonly paths: DataPaths
  readonly partial: string
  readonly manifest: BackupManifest
}

async function check(
  { onProgress }: RestoreRequest,
  { paths, partial, manifest }: RestoredParts,
): Promise<{ readonly guard: GuardStanding; readonly checked: CheckReport }> {
  const { guarded, movedTo } = await readGuard(paths)
  const { head } = manifest
  if (guarded !== undefined) await checkGuard(partial, guarded)
  const treeSize = guarded?.treeHead.treeSize
  const isAhead = treeSize !== undefined && treeSize > head.treeHead.treeSize
  const checked = await checkCopy(partial, {
    head,
    // The history up to the guard's head must be the guard's. One that is ahead cannot be compared.
    ...(guarded === undefined || isAhead ? {} : { guard: { read: async () => guarded } }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  if (treeSize === undefined) return { checked, guard: { standing: 'missing' } }
  if (movedTo !== undefined) return { checked, guard: { standing: 'moved', movedTo } }
  const isEqual = treeSize === head.treeHead.treeSize
  const standing = isAhead ? 'ahead' : isEqual ? 'equal' : 'behind'
  return { checked, guard: { standing, treeSize } }
}

interface FoundGuard {
  readonly guarded: SignedTreeHead | undefined
  readonly movedTo: string | undefined
}

async function readGuard({ guard: path }: DataPaths): Promise<FoundGuard> {
  const guard = SqliteGuard.open(path)
  try {
    return { guarded: await guard.read(), movedTo: guard.movedTo }
  } finally {
    await guard.close()
  }
}

/** @throws StartError `ERR_GUARD_FORK` unless this log signed what the guard holds. */
async function checkGuard(partial: string, head: SignedTreeHead): Promise<void> {
  const store = SqliteLogStore.open(partial, { mode: 'existing', readonly: true })
  try {
    const [identity, keys] = [await store.readState(), await readReceiptKeys(store)]
    await verifyLogHead({ head, identity, keys, verifier: nodeVerifier })
  } catch (cause) {
    throw new StartError(
      'ERR_GUARD_FORK',
      `the guard does not hold a head that this backup's log signed (${(cause as Error).message}): ` +
        'name the guard that belongs to it (--guard)',
      { cause },
    )
  } finally {
    await store.close()
  }
}
