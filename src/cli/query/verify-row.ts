/**
 * Verifies what a row of a look-up says: the statement is fetched with a Receipt, verified under the
 * trust file, and compared with the row. A look-up is a hint; this is the proof.
 */
import type { QueryClient } from '../../client/query-client.ts'
import type { StatementRow } from '../../client/statement-row.ts'
import { InputError, NotFoundError, UnavailableError } from '../../errors.ts'
import { nodeVerifier } from '../../keys/node-verifier.ts'
import { canonicalDigest as canonical, isHexDigest } from '../../payload/digest-forms.ts'
import { readEntryFacts } from '../../payload/entry-facts.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import { verifyTransparentStatement } from '../../verify/index.ts'
import type { TrustPolicy, VerifiedStatement } from '../../verify/index.ts'
import { CliError } from '../cli-error.ts'
import { codeOf } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'
import type { Tone } from '../terminal.ts'
import { readTrustFile } from '../trust-file.ts'

/** `receipt`: the Receipt holds, and the trust file has nobody who speaks for the issuer. */
export type RowStatus = 'verified' | 'receipt' | 'wrong' | 'cannot-tell'

export interface RowCheck {
  readonly status: RowStatus
  readonly reason?: string
  readonly code?: string
}

/** What a row says beyond its own members: digests, and what they are to the statement. */
export interface RowClaim {
  readonly digest: string
  readonly roles?: readonly string[]
}

/** A digest as the registry writes it: name and hex of known hashes, whatever case they came in. */
export function canonicalDigest(text: string): string {
  const at = text.indexOf(':')
  const { algorithm, value } = canonical(text.slice(0, at), text.slice(at + 1))
  return isHexDigest(algorithm, value) === true ? `${algorithm}:${value}` : text
}

export interface VerifyRowOptions {
  readonly verify?: boolean
  readonly trust?: string
}

const ROWS_AT_A_TIME = 8

/** Checks rows under one trust file. */
export class RowVerifier {
  readonly #client: QueryClient
  readonly #trust: TrustPolicy
  readonly #at: number

  constructor(client: QueryClient, trust: TrustPolicy) {
    this.#client = client
    this.#trust = trust
    this.#at = Math.floor(Date.now() / 1000)
  }

  /**
   * Undefined without `--verify`.
   * @throws CliError `ERR_USAGE` unless `--verify` and `--trust` come together.
   */
  static async from(
    client: QueryClient,
    { verify, trust }: VerifyRowOptions,
  ): Promise<RowVerifier | undefined> {
    if ((verify === true) !== (trust !== undefined)) {
      throw new CliError('ERR_USAGE', '--verify and --trust TRUST belong together', {
        hint: 'write one: attestry trust fetch --url URL -o TRUST',
      })
    }
    return trust === undefined ? undefined : new RowVerifier(client, await readTrustFile(trust))
  }

  /** One check per row, in their order. */
  async checkAll(
    rows: readonly StatementRow[],
    claimOf: (row: StatementRow) => RowClaim | undefined = () => undefined,
  ): Promise<RowCheck[]> {
    const checks: RowCheck[] = []
    for (let at = 0; at < rows.length; at += ROWS_AT_A_TIME) {
      const some = rows.slice(at, at + ROWS_AT_A_TIME)
      checks.push(...(await Promise.all(some.map((row) => this.check(row, claimOf(row))))))
    }
    return checks
  }

  async check(row: StatementRow, claim?: RowClaim): Promise<RowCheck> {
    let bytes: Uint8Array
    try {
      bytes = await this.#client.statement(row.entryId)
    } catch (error) {
      if (error instanceof NotFoundError) return wrong('there is no such entry', error)
      if (error instanceof UnavailableError || error instanceof InputError) {
        return { status: 'cannot-tell', reason: error.message, code: codeOf(error) }
      }
      throw error
    }
    const outcome = await verifyTransparentStatement({
      ...{ transparentStatement: bytes, trust: this.#trust, at: this.#at, receiptOnly: true },
      verifier: nodeVerifier,
    })
    if (outcome.kind === 'cannot-tell') {
      const { error } = outcome
      return { status: 'cannot-tell', reason: error.message, code: codeOf(error) }
    }
    if (outcome.kind !== 'verified') return wrong(outcome.error.message, outcome.error)
    const difference = differenceOf(row, outcome.statement) ?? contradiction(bytes, row, claim)
    if (difference !== undefined) return wrong(difference)
    return { status: outcome.statement.issuer === undefined ? 'receipt' : 'verified' }
  }
}

function wrong(reason: string, error?: unknown): RowCheck {
  return { status: 'wrong', reason, ...(error === undefined ? {} : { code: codeOf(error) }) }
}

type Proven = Pick<
  VerifiedStatement,
  'entryId' | 'leafIndex' | 'positionAuthenticated' | 'registrationTime'
>

function differenceOf(row: StatementRow, proven: Proven): string | undefined {
  if (proven.entryId !== row.entryId) return 'another statement is served under this entry id'
  const { leafIndex, registrationTime, positionAuthenticated } = proven
  if (positionAuthenticated && leafIndex !== undefined && BigInt(leafIndex) !== BigInt(row.index)) {
    return `the Receipt is for index ${leafIndex}`
  }
  // From older mirrors the Receipt is of a later head; the entry cannot have come after it.
  if (registrationTime !== undefined && row.registeredAt > registrationTime) {
    return 'the row says a time after that of the Receipt'
  }
  return undefined
}

/** What the row says of the statement, and the statement does not. */
function contradiction(
  bytes: Uint8Array,
  row: StatementRow,
  claim: RowClaim | undefined,
): string | undefined {
  const { description, envelope, ...facts } = readEntryFacts({
    statement: parseSignedStatement(bytes),
  })
  for (const name of ['issuer', 'subject', 'signer', 'contentType'] as const) {
    if (facts[name] !== row[name]) return `its ${name} is ${facts[name] ?? 'absent'}`
  }
  if (envelope?.digest !== row.envelope?.digest) return 'its content has another digest'
  // What was read from the content of a hash envelope cannot be seen in the statement.
  if (row.envelope?.preimage === 'read') return undefined
  if (description.kind !== row.kind) return `its kind is ${description.kind}`
  if (description.type !== row.type) return `its type is ${description.type}`
  if (claim === undefined) return undefined
  const roles = description.digests
    .filter(({ algorithm, value }) => `${algorithm}:${value}` === claim.digest)
    .map(({ role }) => role as string)
  if (roles.length === 0) return `it does not name ${claim.digest}`
  const unheard = claim.roles?.find((role) => !roles.includes(role))
  return unheard === undefined ? undefined : `it does not have ${claim.digest} as ${unheard}`
}

/** 1 when a row is wrong, 3 when one cannot be told, otherwise 0. */
export function exitCodeOf(checks: readonly RowCheck[] | undefined): ExitCode {
  const has = (status: RowStatus): boolean => checks?.some((one) => one.status === status) === true
  if (has('wrong')) return EXIT.failed
  return has('cannot-tell') ? EXIT.cannotTell : EXIT.ok
}

const WORDS: Readonly<Record<RowStatus, string>> = {
  verified: 'verified',
  receipt: 'Receipt holds, issuer not checked',
  wrong: 'WRONG',
  'cannot-tell': 'CANNOT TELL',
}

/** A check as a cell of a table. */
export function checkText({ status, reason }: RowCheck): string {
  return reason === undefined ? WORDS[status] : `${WORDS[status]}: ${reason}`
}

/** One line about all checks. */
export function checkSummary(checks: readonly RowCheck[]): { text: string; tone: Tone } {
  const counts = new Map<RowStatus, number>()
  for (const { status } of checks) counts.set(status, (counts.get(status) ?? 0) + 1)
  const parts = [...counts].map(([status, count]) => `${count} ${WORDS[status]}`)
  const code = exitCodeOf(checks)
  const tone = code === EXIT.ok ? 'good' : code === EXIT.failed ? 'bad' : 'warn'
  return { text: `checked under the trust file: ${parts.join(', ') || 'no rows'}`, tone }
}
