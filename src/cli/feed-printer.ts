/** Writes the events of a feed as they come. */
import { once } from 'node:events'
import type { StatementRow } from '../client/statement-row.ts'
import { escapeJson, escapeText } from './escape.ts'
import { checkText, exitCodeOf } from './query/verify-row.ts'
import type { RowCheck, RowVerifier } from './query/verify-row.ts'
import { formatTime } from './terminal.ts'

/** Writes events, and waits until they are taken: the place never moves past what is not written. */
export class Printer {
  readonly #json: boolean
  readonly #verifier: RowVerifier | undefined
  /** One check of each status that there was. */
  readonly #seen = new Map<RowCheck['status'], RowCheck>()

  constructor(json: boolean, verifier: RowVerifier | undefined) {
    this.#json = json
    this.#verifier = verifier
  }

  get exitCode(): ReturnType<typeof exitCodeOf> {
    return exitCodeOf([...this.#seen.values()])
  }

  async print(rows: readonly StatementRow[]): Promise<void> {
    const checks = await this.#verifier?.checkAll(rows)
    for (const check of checks ?? []) this.#seen.set(check.status, check)
    const lines = rows.map((row, at) => this.#line(row, checks?.[at]) + '\n')
    if (lines.length > 0 && !process.stdout.write(lines.join('')))
      await once(process.stdout, 'drain')
  }

  #line(row: StatementRow, check: RowCheck | undefined): string {
    if (this.#json) return escapeJson(check === undefined ? row : { ...row, check })
    const words = [
      ...[String(row.index), formatTime(row.registeredAt), row.kind, row.entryId],
      row.subject ?? '-',
      ...(check === undefined ? [] : [checkText(check)]),
    ]
    return escapeText(words.join('  '))
  }
}
