/**
 * `attestry verify`: a relying party's question, offline, with four answers. Thin over `verify/`:
 * this file reads files, prints the outcome and turns it into an exit status.
 */
import type { Command } from 'commander'
import { verifyTransparentStatement } from '../verify/index.ts'
import { addCommand, codeOf, run } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'
import { PAYLOAD_BYTES_MAX, nameOf, readInput } from './files.ts'
import { parseTime } from './option-values.ts'
import { readTrustFile } from './trust-file.ts'
import { reportOutcome } from './verify-report.ts'
import { assertWitnessOptions, withWitnesses } from './verify-witnesses.ts'
import type { WitnessOptions } from './verify-witnesses.ts'

const HELP = `
Offline: uses the two files, the payload if given, and the time. One Receipt of a trusted
log suffices; others are reported and change nothing. With --tlog-proof and --tlog-policy the
statement must also be in a tree that a quorum of witnesses cosigned.

Exit status:
  0  verified
  1  does not verify
  2  everything holds and a policy of the trust file refuses it
  3  cannot tell: for example no anchor for the issuer (see --receipt-only)
  4  wrong command line, or a file that cannot be read or written

Examples:
  $ attestry verify sbom.transparent.cose --trust trust.json
  $ attestry verify image.transparent.cose --trust trust.json --payload image.tar
  $ attestry verify sbom.transparent.cose --trust trust.json \\
      --tlog-proof sbom.tlog-proof --tlog-policy witnesses.policy
  $ curl -s "$URL/entries/$ID/statement" | attestry verify - --trust trust.json
`

interface VerifyOptions extends WitnessOptions {
  readonly trust: string
  readonly payload?: string
  readonly receiptOnly?: boolean
  readonly at?: number
}

export function addVerify(program: Command): void {
  addCommand(program, 'verify', { description: 'verify a Transparent Statement', help: HELP })
    .argument('FILE', 'Transparent Statement, or - for standard input')
    .requiredOption('--trust <trust>', 'trust file: logs and issuers that you trust')
    .option('--payload <file>', 'the signed payload, to compare or for a hash envelope')
    .option('--receipt-only', 'do not demand that the issuer is known; exit 0 for a good Receipt')
    .option('--at <time>', 'verify as of this time instead of now', parseTime)
    .option('--tlog-proof <file>', '.tlog-proof of the statement, for a quorum of witnesses')
    .option('--tlog-policy <file>', 'tlog-policy file: logs, witnesses and the quorum to demand')
    .action(run(verify, exitCodeOf))
}

/** An input that cannot be read is the caller's mistake; anything unforeseen is "cannot tell". */
function exitCodeOf(error: unknown): ExitCode {
  const code = codeOf(error)
  const callers = ['ERR_USAGE', 'ERR_FILE', 'ERR_TRUST_CONFIGURATION']
  return callers.includes(code) ? EXIT.usage : EXIT.cannotTell
}

async function verify(file: string, options: VerifyOptions): Promise<Report> {
  assertWitnessOptions(options)
  const trust = await readTrustFile(options.trust)
  const transparentStatement = await readInput(file)
  const payload =
    options.payload === undefined ? undefined : await readInput(options.payload, PAYLOAD_BYTES_MAX)
  const outcome = await verifyTransparentStatement({
    transparentStatement,
    trust,
    at: options.at ?? Math.floor(Date.now() / 1000),
    ...(payload === undefined ? {} : { payload }),
    ...(options.receiptOnly === undefined ? {} : { receiptOnly: options.receiptOnly }),
  })
  const report = reportOutcome(nameOf(file), outcome)
  return outcome.kind === 'verified'
    ? withWitnesses(report, { name: nameOf(file), transparentStatement, options })
    : report
}
