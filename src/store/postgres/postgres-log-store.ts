/**
 * The log store of several nodes: a PostgreSQL database (design D8). Any node commits; a commit is one
 * statement that compares the head and moves it (`commit-statement.ts`). Commits have a connection of
 * their own, so that none waits behind reads.
 */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant, UnavailableError } from '../../errors.ts'
import { logFrozen } from '../../log/answers.ts'
import type { BatchCommit, Genesis, LogStore, StoredHead, WakeUp } from '../../log/store.ts'
import type { ServiceKeyChange, StoredServiceKey } from '../../log/service-key-records.ts'
import type { RootHash } from '../../merkle/hasher.ts'
import { CHANNEL, COMMIT, commitValues } from './commit-statement.ts'
import type { CommitRow } from './commit-statement.ts'
import { PostgresDatabase } from './database.ts'
import type { Run } from './database.ts'
import { LogReads } from './log-reads.ts'
import { migrate } from './migrate.ts'
import { READ_BACK, ReadBack, readBackValues } from './read-back.ts'
import type { ReadBackRow } from './read-back.ts'
import { headValues, storedHeadValues } from './rows.ts'
import { logExists, logMissing } from './start-errors.ts'
import { SQL } from './statements.ts'
import { turnAsked, WakeUps } from './wake-ups.ts'

export interface PostgresStoreOptions {
  /** `create` makes the tables in a database that exists; `existing` never does. */
  readonly mode: 'existing' | 'create'
  /** Every write throws, and an older schema is refused instead of brought up to date. */
  readonly readonly?: boolean
  /** Called when it was closed. */
  readonly onClosed?: () => void
}

interface Opened {
  readonly url: string
  readonly reads: PostgresDatabase
  readonly commits: PostgresDatabase | undefined
  readonly onClosed: (() => void) | undefined
}

const READ_CONNECTIONS_MAX = 8
/** Short of the time that a client waits for: nothing was stored then. */
const COMMIT_MS = 8000

/** The head before the first batch. */
const NOTHING: StoredHead = {
  treeHead: { treeSize: 0 as TreeSize, rootHash: new Uint8Array(32) as RootHash },
  registrationTime: 0,
  policyIndex: 0 as LeafIndex,
  epoch: 0,
}

export class PostgresLogStore extends LogReads implements LogStore {
  readonly shared = true
  readonly #commits: PostgresDatabase | undefined
  readonly #wakeUps: WakeUps
  readonly #onClosed: (() => void) | undefined
  #isClosed = false

  private constructor({ url, reads, commits, onClosed }: Opened) {
    super(reads)
    this.#onClosed = onClosed
    this.#commits = commits
    this.#wakeUps = new WakeUps(url, CHANNEL)
  }

  /**
   * Opens the store in the database of a URL.
   * @throws StartError `ERR_LOG_MISSING` or `ERR_CONFIGURATION`; UnavailableError
   *   `ERR_STORE_UNREACHABLE`.
   */
  static async open(url: string, options: PostgresStoreOptions): Promise<PostgresLogStore> {
    const { mode, readonly = false, onClosed } = options
    const reads = await PostgresDatabase.open(url, { connectionsMax: READ_CONNECTIONS_MAX })
    try {
      const isThere = await migrate(
        reads,
        mode === 'create' ? 'all' : readonly ? 'none' : 'outstanding',
      )
      if (!isThere) throw logMissing(reads.name)
      const commits = readonly
        ? undefined
        : await PostgresDatabase.open(url, {
            connectionsMax: 1,
            statementMs: COMMIT_MS,
            pipeline: true,
          })
      return new PostgresLogStore({ url, reads, commits, onClosed })
    } catch (error) {
      await reads.close()
      throw error
    }
  }

  async create({ identity, batch, serviceKeys }: Genesis): Promise<void> {
    const { origin, issuer, receiptKeyId } = identity
    const head = [...storedHeadValues(NOTHING), NOTHING.epoch]
    const values = commitValues({ ...batch, expected: NOTHING, signedHeads: [] })
    await this.#writer().transaction(async (run) => {
      const inserted = await run(SQL.insertLog, [origin, issuer, receiptKeyId, ...head])
      if (inserted.length === 0) throw logExists(this.reads.name)
      const [moved] = await run<CommitRow>(COMMIT, values)
      assertInvariant(moved?.stored === true, 'the first batch was not stored')
      for (const key of serviceKeys) await insertServiceKey(run, key)
    })
  }

  async commit(batch: BatchCommit): Promise<void> {
    const { written, read } = await this.#writer().writeAndRead<CommitRow, ReadBackRow>(
      { statement: COMMIT, values: commitValues(batch, this.#wakeUps.own) },
      { statement: READ_BACK, values: readBackValues(batch) },
    )
    const [moved] = await written.catch((error: unknown) => {
      this.absent.forget()
      throw error
    })
    if (moved?.stored === true) {
      this.readBack = new ReadBack(batch, read)
      const ids = batch.entries.map(({ entryId }) => entryId)
      this.absent.stored(ids, batch.expected.treeHead.treeSize)
      return
    }
    this.absent.forget()
    if (moved?.frozen === true) throw logFrozen()
    throw new UnavailableError('ERR_HEAD_MOVED', "another node's batch came first")
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    await this.#writer().write(SQL.saveSignedHead, [...headValues(head), head.bytes])
  }

  async addServiceKey(key: StoredServiceKey): Promise<void> {
    await this.#writer().transaction((run) => insertServiceKey(run, key))
  }

  async changeServiceKeys({ purpose, added, retired, at }: ServiceKeyChange): Promise<void> {
    await this.#writer().transaction(async (run) => {
      // First: two changes wait for each other here, and no node signs with what it knew before.
      await run(SQL.raiseEpoch)
      for (const keyId of retired) {
        const changed = await run(SQL.retireServiceKey, [at, keyId, purpose])
        assertInvariant(changed.length === 1, 'a key to retire is not an active one')
      }
      if (added === undefined) return
      await insertServiceKey(run, { ...added, purpose })
      if (purpose === 'receipt') await run(SQL.setReceiptKey, [added.keyId])
    })
  }

  watch(listener: (told: WakeUp) => void): () => void {
    return this.#wakeUps.add(listener)
  }

  askTurn(losses: number): void {
    // Only a hint: when it fails the next look comes by itself.
    this.reads.query(SQL.askTurn, [turnAsked(losses)]).catch(() => undefined)
  }

  async fence(): Promise<void> {
    const raised = await this.#writer().write(SQL.raiseEpoch, [])
    if (raised.length === 0) throw logMissing(this.reads.name)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#wakeUps.close()
    await this.#commits?.close()
    await this.reads.close()
    this.#onClosed?.()
  }

  #writer(): PostgresDatabase {
    assertInvariant(this.#commits !== undefined, 'the store is open for reading only')
    return this.#commits
  }
}

async function insertServiceKey(run: Run, key: StoredServiceKey): Promise<void> {
  const { keyId, purpose, coseKey, addedAt, retiredAt = null } = key
  await run(SQL.insertServiceKey, [keyId, purpose, coseKey, addedAt, retiredAt])
}
