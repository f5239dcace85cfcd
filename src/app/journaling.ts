/**
 * When journals are written: every so often while the log is served, and once more when it is closed
 * and takes nothing else. A log whose policy names no registrar has none. One whose policy names others
 * than our key does not start, if no policy ever named it: it is the wrong file then, and else the policy's
 * affair, which only a served log can change.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { equalBytes } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import { parseRegistrationPolicy } from '../policy/registration-policy.ts'
import { JournalWriter } from '../registry/journal.ts'
import type { JournalOptions } from '../registry/journal.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { RegistryConfig } from './config.ts'

/** Where several nodes write, one that is at least this much of an interval old is enough for all. */
const REST_OF_INTERVAL = 2 / 3

/** Store or guard may not be reached any more: the log is closed then, which ends all waiting. */
const CLOSE_MS = 5000

/** Journals that are written from time to time. */
export interface Journaling {
  start(): void
  /** Covers what is uncovered, unless it was never started or the log has stopped. Never rejects. */
  close(): Promise<void>
}

/** @throws StartError `ERR_KEY_MISMATCH` when the policy names other keys, and none before it named ours. */
export async function openJournaling(
  { paths, report, journalIntervalMs }: RegistryConfig,
  ports: JournalOptions['ports'],
  signer: JournalOptions['signer'],
): Promise<Journaling> {
  const { registrarKeys = [] } = ports.rules().policy
  const writer = await JournalWriter.open({ ports, signer })
  const isLeftOut = registrarKeys.length > 0 && !writer.isRegistrar
  if (isLeftOut && !(await wasNamed(signer, ports.log))) {
    throw new StartError(
      'ERR_KEY_MISMATCH',
      `the registrar key ${paths.registrarKey} is not among those that the policy in force names: ` +
        "put the log's own key file back, or name this one in a new policy",
    )
  }
  if (isLeftOut) report({ level: 'error', event: 'journal-without-registrar' })
  let wasRegistrar = !isLeftOut
  const write = async (restSeconds?: number): Promise<void> => {
    try {
      const { appended, isRegistrar } = await writer.write(restSeconds)
      if (appended.length > 0) report({ level: 'info', event: 'journal', leafIndexes: appended })
      if (wasRegistrar && !isRegistrar)
        report({ level: 'error', event: 'journal-without-registrar' })
      wasRegistrar = isRegistrar
    } catch (error) {
      // What is not covered now is covered by the next one; auditors see that it was late.
      report({ level: 'error', event: 'journal-failed', message: (error as Error).message })
    }
  }
  let timer: NodeJS.Timeout | undefined
  return {
    start: () => {
      const restSeconds = (journalIntervalMs / 1000) * REST_OF_INTERVAL
      timer = setInterval(() => void write(restSeconds), journalIntervalMs).unref()
    },
    close: async () => {
      clearInterval(timer)
      if (timer === undefined || ports.stopped()) return
      await Promise.race([write(), wait(CLOSE_MS, undefined, { ref: false })])
    },
  }
}

/** Whether an earlier policy of the log named the key. */
async function wasNamed(
  { publicKey: { spki } }: JournalOptions['signer'],
  log: JournalOptions['ports']['log'],
): Promise<boolean> {
  for (const index of await log.listGovernance('policy')) {
    const { payload } = parseSignedStatement(await log.readEntry(index)).message
    const { registrarKeys = [] } = parseRegistrationPolicy(payload ?? new Uint8Array(0))
    if (registrarKeys.some((key) => equalBytes(key.spki, spki))) return true
  }
  return false
}
