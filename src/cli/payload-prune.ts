/**
 * `attestry payload prune`: deletes content of hash envelopes. What the log's admissions or its index
 * rest on goes only after a statement by the operator is registered that says so (design D1).
 */
import type { Command } from 'commander'
import type { PruneOutcome } from '../app/prune-payload.ts'
import { encodeHex } from '../bytes/hex.ts'
import { NotFoundError } from '../errors.ts'
import { PAYLOAD_PRUNING_MEDIA_TYPE } from '../payload/media-types.ts'
import { encodePayloadPruning, parsePayloadPruning } from '../policy/payload-pruning.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { loadKeyFile } from './keygen.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { registerByOperator } from './operator-statement.ts'
import type { OperatorOptions } from './operator-statement.ts'
import { parseName, parseUrl } from './option-values.ts'
import { fields, formatNumber } from './terminal.ts'

const HELP = `
Content that nothing rests on is deleted at once. Content that an entry was admitted with, or
that the index read, takes a registered statement by the operator: with --key and --url it is
signed and registered here; without, it has to be in the log already. Audits then call those
admissions "not replayable", for ever. The entries stay, and so does every copy elsewhere.
May run while the log is being served.

Examples:
  $ attestry payload prune sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae \\
      --data ./data --reason 'uploaded by mistake'
  $ attestry payload prune sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae \\
      --data ./data --reason 'court order 12/345' --key operator.pem --url https://log.example.org
`

interface PruneOptions extends LogPlaceOptions {
  readonly reason: string
  readonly key?: string
  readonly url?: string
  readonly issuer?: string
  readonly tokenFile?: string
}

export function addPayloadPrune(payload: Command): void {
  addLogPlace(
    addCommand(payload, 'prune', { description: 'delete content of hash envelopes', help: HELP }),
  )
    .argument('DIGEST', 'sha256:, sha384: or sha512: and lower-case hex', parseName)
    .requiredOption('--reason <text>', 'why; published where it takes a statement')
    .option('--key <operator.pem>', 'operator key (PKCS#8, mode 0600)')
    .option('--url <url>', 'address of the log, to register the statement', parseUrl)
    .option('--issuer <iss>', "the log's issuer; by default what the log itself presents")
    .option('--token-file <file>', 'bearer token; by default from ATTESTRY_TOKEN')
    .action(run(prune))
}

async function prune(name: PayloadName, options: PruneOptions): Promise<Report> {
  const { data, store, key, url } = options
  if ((key === undefined) !== (url === undefined)) {
    throw new CliError('ERR_USAGE', '--key and --url go together: to sign, and to register')
  }
  assertReason(options.reason)
  const { prunePayload } = await import('../app/prune-payload.ts')
  const registerPruning =
    key === undefined || url === undefined
      ? undefined
      : (digest: string) => register(digest, { ...options, key, url })
  const outcome = await prunePayload({ data, store, name, registerPruning })
  return report(formatPayloadName(name), outcome, options)
}

/** Before anything is done: whether a statement could carry it. */
function assertReason(reason: string): void {
  parsePayloadPruning(encodePayloadPruning({ digest: `sha256:${'0'.repeat(64)}`, reason }))
}

async function register(
  digest: string,
  options: PruneOptions & OperatorOptions & { readonly key: string },
): Promise<void> {
  const document = {
    payload: encodePayloadPruning({ digest, reason: options.reason }),
    subject: `urn:attestry:payload:${digest}`,
    contentType: PAYLOAD_PRUNING_MEDIA_TYPE,
  }
  await registerByOperator(document, await loadKeyFile(options.key), options)
}

function report(name: string, outcome: PruneOutcome, { reason }: PruneOptions): Report {
  switch (outcome.kind) {
    case 'unknown':
      throw new NotFoundError('ERR_PAYLOAD_UNKNOWN', `there is no ${name} in this data directory`)
    case 'needed':
      throw new CliError('ERR_USAGE', `${name} is collateral of another kind, and has to stay`)
    case 'needs-statement':
      throw new CliError(
        'ERR_USAGE',
        `${name} is what entries were admitted with, or what the index read: deleting it takes a registered statement`,
        { hint: 'sign and register it: --key OPERATOR.PEM --url URL' },
      )
    case 'deleted':
      break
  }
  const { bytes, pruning } = outcome
  return {
    json: {
      payload: name,
      bytes,
      reason: pruning?.reason ?? reason,
      leafIndex: pruning?.leafIndex ?? null,
      entryId: pruning === undefined ? null : encodeHex(pruning.entryId),
    },
    lines: [
      { text: `${name}: deleted`, tone: 'good' },
      ...fields([
        ['bytes', formatNumber(bytes)],
        ['reason', pruning?.reason ?? reason],
        ['statement', pruning && `entry ${formatNumber(pruning.leafIndex)}`],
        ['entry id', pruning && encodeHex(pruning.entryId)],
      ]),
    ],
  }
}
