/** `attestry policy show`: the rules of a log, or of a file, in words. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { CliError } from './cli-error.ts'
import { addStore, namedLog } from './log-place.ts'
import {
  anchorsRows,
  documentJson,
  policyRows,
  readLogRules,
  readRulesDocument,
} from './policy-text.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'

const HELP = `
FILE is a policy or a trust anchors document, or a statement of one, not verified. With --data the
rules in force are shown as they follow from the log; with --json the members \`policy\` and
\`trustAnchors\` are the two documents that \`policy set\` takes.

Examples:
  $ attestry policy show --data ./data
  $ attestry policy show --data ./data --json | jq .policy > policy.json
  $ attestry policy show policy.json
  $ curl -s $URL/entries/$ID/statement | attestry policy show -
`

interface ShowOptions extends CommonOptions {
  readonly data?: string
  readonly store?: string
}

export function addPolicyShow(policy: Command): void {
  const command = addCommand(policy, 'show', {
    description: 'show the rules of a log or a file',
    help: HELP,
  })
    .argument('[FILE]', 'policy or trust anchors document')
    .option('--data <dir>', 'data directory of the log')
  addStore(command).action(run(show))
}

async function show(file: string | undefined, options: ShowOptions): Promise<Report> {
  const log = namedLog(options)
  if ((file === undefined) === (log === undefined)) {
    throw new CliError('ERR_USAGE', 'name a FILE or a log with --data DIR, one of them')
  }
  if (file !== undefined) {
    const document = await readRulesDocument(file)
    const rows = document.kind === 'policy' ? policyRows(document.policy) : anchorsRows(document)
    return { json: documentJson(document), lines: fields(rows) }
  }
  const found = await readLogRules(log!, { quiet: options.json === true })
  const { policy, anchors, inner, policyIndex } = found.rules
  const none = new Uint8Array()
  return {
    json: {
      log: found.state.origin,
      policyEntry: found.policyEntry,
      lastChange: policyIndex,
      policy: documentJson({ kind: 'policy', policy, bytes: none }),
      trustAnchors: documentJson({ kind: 'trust-anchors', anchors, inner, bytes: none }),
    },
    lines: fields([
      ['log', found.state.origin],
      [
        'policy',
        `entry ${formatNumber(found.policyEntry)}, registered ${formatTime(found.policyTime)}`,
      ],
      ...policyRows(policy),
      ...anchorsRows({ anchors, inner }),
      ['last change', `entry ${formatNumber(policyIndex)}`],
    ]),
  }
}
