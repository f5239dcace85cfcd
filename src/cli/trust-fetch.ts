/** `attestry trust fetch`: pins a service's keys, and prints their fingerprints for comparison. */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { LeafRule, LogProfile, TrustedLog } from '../verify/trust-policy.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { parseUrl } from './option-values.ts'
import { assertOneOutput } from './outputs.ts'
import { fetchTrustedLog } from './service-trust.ts'
import { fields } from './terminal.ts'
import { pinLog, readTrustFileOrEmpty, writeTrustFile } from './trust-file.ts'
import type { PinChange } from './trust-file.ts'
import { fingerprint } from './trust-text.ts'

const HELP = `
The keys come from the service itself, over the network, once. Compare the printed
fingerprints with what the operator publishes elsewhere before you rely on the file.
A file that exists is extended; a log that is pinned already must present the same keys.

An Attestry log is recognised by its signed head. For other services say what they are.

Examples:
  $ attestry trust fetch --url https://log.example.org -o trust.json
  $ attestry trust fetch --url https://ts.example --profile ccf --issuer ts.example -o trust.json
`

interface TrustFetchOptions {
  readonly url: string
  readonly output: string
  readonly profile?: LogProfile
  readonly leafRule?: LeafRule
  readonly issuer?: string
  readonly origin?: string
  readonly replace?: boolean
  readonly json?: boolean
}

export function addTrustFetch(trust: Command): void {
  addCommand(trust, 'fetch', { description: "pin a service's keys", help: HELP })
    .requiredOption('--url <url>', "the service's address", parseUrl)
    .option('-o, --output <trust>', 'trust file to write or extend', '-')
    .addOption(
      new Option('--profile <kind>', 'what its Receipts look like').choices([
        'attestry',
        'rfc9162',
        'ccf',
      ]),
    )
    .addOption(
      new Option('--leaf-rule <rule>', 'what an rfc9162 service hashes').choices([
        'entry',
        'entry-digest',
      ]),
    )
    .option('--issuer <iss>', "the Receipts' iss, where it cannot be detected")
    .option('--origin <sub>', "the Receipts' sub, where it is always the same")
    .option('--replace', 'accept keys that differ from the pinned ones')
    .action(run(trustFetch))
}

async function trustFetch(options: TrustFetchOptions): Promise<Report> {
  assertOneOutput(options)
  const before = await readTrustFileOrEmpty(options.output)
  const log = await fetchTrustedLog(options)
  const { trust, change } = pinLog(before, log, options.replace === true)
  if (change !== 'unchanged' || options.output === '-') {
    await writeTrustFile(options.output, trust)
  }
  const { issuer, origin, profile, leafRule } = log
  const fingerprints = log.keys.map(fingerprint)
  return {
    json: {
      output: options.output,
      change,
      log: { issuer, origin: origin ?? null, profile, leafRule },
      fingerprints,
    },
    lines: [...describe(log, change), ...outro(options.output, change)],
    outputIsBytes: options.output === '-',
  }
}

function describe(log: TrustedLog, change: PinChange): string[] {
  return fields([
    ['log', `${log.issuer} (${change})`],
    ['origin', log.origin],
    ['profile', log.profile],
    ...log.keys.map((key) => ['key', fingerprint(key)] as const),
  ])
}

function outro(output: string, change: PinChange): string[] {
  if (change === 'unchanged') return [`${output} pins exactly this already`]
  return [
    ...(output === '-' ? [] : [`written to ${output}`]),
    'Compare the key fingerprints with what the operator publishes before relying on them.',
  ]
}
