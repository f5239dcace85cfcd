/**
 * Registration, the page to read first: the steps of RFC 9943 §6.3 in their order. A statement is
 * parsed, looked up, admitted (issuer signature and Registration Policy), appended, and answered
 * with a Receipt. Batching, durability and signing are the log's; status codes are the surface's.
 */
import { UnavailableError } from '../errors.ts'
import type { Registered } from '../log/registered.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { admit } from './admit.ts'
import type { Admission, Submission } from './admit.ts'
import { within } from './deadline.ts'
import type { RegistryPorts, Submitter } from './ports.ts'
import { encodeReceipt, receiptAtFirstHead } from './resolve-receipt.ts'

/** How often one registration is decided: a new time or policy makes a decision stale (D4, D5). */
const DECISIONS_MAX = 8

/**
 * What is already in the log was admitted once, and that stands; it is only found. It stands at no
 * time: were it lost with a primary that failed before it was signed, it has to be admitted again.
 */
const ADMITTED_BEFORE: Admission = { standsFrom: 0, standsUntil: -1 }

/** Registered, with a Receipt; or committed, and its head still to be signed. */
export type RegisterResult =
  | { readonly status: 'registered'; readonly entryId: string; readonly receipt: Uint8Array }
  | { readonly status: 'pending'; readonly entryId: string }

/**
 * Registers one Signed Statement. The same statement always gets the same entry.
 * @throws InputError when the bytes are not a registrable Signed Statement.
 * @throws PolicyError when the issuer or the Registration Policy does not admit it.
 * @throws UnavailableError when nothing is promised and the client may try again.
 */
export async function register(
  bytes: Uint8Array,
  ports: RegistryPorts,
  submitter?: Submitter,
): Promise<RegisterResult> {
  const wait = ports.pace?.()
  if (wait !== undefined) await wait

  const statement = parseSignedStatement(bytes, ports)
  const { entryDigest, entryId } = statement

  // A stored duplicate is answered before policy (D6), with the Receipt that the first one had.
  const stored = await ports.log.findEntry(entryDigest)
  if (stored?.released === true) {
    ports.payloads?.named.add(statement)
    return { status: 'registered', entryId, receipt: await receiptAtFirstHead(stored, ports) }
  }

  // What is stored is answered in any case; nothing else is taken while the log is read-only.
  const refusal = stored === undefined ? ports.writes?.refusal() : undefined
  if (refusal !== undefined) throw refusal

  // Every copy in flight is admitted on its own before the log joins them, so that a bad copy
  // cannot fail a good one. An entry that is committed and not yet signed only waits.
  const work = admitAndAppend({ statement, submitter }, ports, stored !== undefined)
  const registered = await within(ports.answerWithinMs, work)
  if (registered === undefined) return answerLate(statement, ports)
  ports.payloads?.named.add(statement)
  return { status: 'registered', entryId, receipt: encodeReceipt(registered) }
}

/**
 * Admits and appends, and decides again when time or rules changed in between.
 * @param isStored it is in the log already, signed or not.
 * @throws PolicyError | UnavailableError as {@link register}.
 */
export async function admitAndAppend(
  submission: Submission,
  ports: RegistryPorts,
  isStored = false,
): Promise<Registered> {
  const { statement } = submission
  for (let decisions = 1, isFound = isStored; ; decisions++) {
    const admission = isFound ? ADMITTED_BEFORE : await admitTraced(submission, ports)
    try {
      return await appendTraced(statement, admission, ports)
    } catch (error) {
      if (!isStale(error) || decisions === DECISIONS_MAX) throw error
    }
    // What changed the rules may have been a batch that has this entry, too: a copy of it, or this
    // very one, when its node lost sight of the batch. New rules do not refuse what is stored (D6).
    isFound = (await ports.log.findEntry(statement.entryDigest)) !== undefined
  }
}

function admitTraced(submission: Submission, ports: RegistryPorts): Promise<Admission> {
  const { spans } = ports
  if (spans === undefined) return admit(submission, ports)
  const { entryId } = submission.statement
  return spans.during({ part: 'admit', entryId }, admit, submission, ports)
}

function appendTraced(
  statement: SignedStatement,
  admission: Admission,
  ports: RegistryPorts,
): Promise<Registered> {
  const { spans } = ports
  if (spans === undefined) return append(statement, admission, ports)
  const { entryId } = statement
  return spans.during({ part: 'append', entryId }, append, statement, admission, ports)
}

function append(
  statement: SignedStatement,
  admission: Admission,
  { log, hasher }: RegistryPorts,
): Promise<Registered> {
  const { entry, entryDigest } = statement
  return log.append({ entry, entryId: entryDigest, leafHash: hasher.leaf(entry), ...admission })
}

/** Only what is durable is promised: 'pending' when it is committed, an error when it is not (D6). */
async function answerLate(
  { entryDigest, entryId }: SignedStatement,
  { log }: RegistryPorts,
): Promise<RegisterResult> {
  const stored = await log.findEntry(entryDigest)
  if (stored !== undefined) return { status: 'pending', entryId }
  throw new UnavailableError('ERR_TIMEOUT', 'the registration was not committed in time', {
    retryAfterSeconds: 2,
  })
}

function isStale(error: unknown): boolean {
  return error instanceof UnavailableError && error.code === 'ERR_DECISION_STALE'
}
