/**
 * `attestry policy set`: signs a policy or trust anchors document with an operator key and registers
 * it. It is in force from the entry behind its own; the log's policy in force decides whether the
 * key may.
 */
import type { Command } from 'commander'
import { equalBytes } from '../bytes/bytes.ts'
import { REGISTRATION_POLICY_MEDIA_TYPE, TRUST_ANCHORS_MEDIA_TYPE } from '../payload/media-types.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { writeOutput } from './files.ts'
import { loadKeyFile } from './keygen.ts'
import { registerByOperator } from './operator-statement.ts'
import type { OperatorOptions } from './operator-statement.ts'
import { parseUrl } from './option-values.ts'
import { readRulesDocument } from './policy-text.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import type { Line } from './terminal.ts'
import { fingerprint } from './trust-text.ts'

const HELP = `
FILE is a policy or a trust anchors document. Try a policy first with \`policy test\`. A
policy that lists other operator keys takes the right to change it from this one, for ever; that
has to be meant: --hand-over.

A new log verifies TEE evidence before it admits it. What it refuses beyond that, and under which
roots, is the member "teeEvidence" of what \`policy show --json\` prints (docs/policies.md).

Examples:
  $ attestry policy set policy.json --key operator.pem --url https://log.example.org
  $ attestry policy set anchors.json --key operator.pem --url https://log.example.org
`

const SUBJECTS = {
  policy: ['urn:attestry:registration-policy', REGISTRATION_POLICY_MEDIA_TYPE],
  'trust-anchors': ['urn:attestry:trust-anchors', TRUST_ANCHORS_MEDIA_TYPE],
} as const

interface SetOptions extends CommonOptions, OperatorOptions {
  readonly key: string
  readonly handOver?: boolean
  readonly output?: string
}

export function addPolicySet(policy: Command): void {
  addCommand(policy, 'set', { description: 'sign and register new rules', help: HELP })
    .argument('FILE', 'policy or trust anchors document')
    .requiredOption('--key <operator.pem>', 'operator key (PKCS#8, mode 0600)')
    .requiredOption('--url <url>', 'address of the log', parseUrl)
    .option('--issuer <iss>', "the log's issuer; by default what the log itself presents")
    .option('--trust <trust>', "trust file to verify the Receipt with, not the service's own keys")
    .option('--token-file <file>', 'bearer token; by default from ATTESTRY_TOKEN')
    .option('--hand-over', 'register a policy that does not list this key any more')
    .option('-o, --output <file>', 'Transparent Statement to write')
    .action(run(set))
}

async function set(file: string, options: SetOptions): Promise<Report> {
  const { output, handOver = false } = options
  const document = await readRulesDocument(file)
  const signer = await loadKeyFile(options.key)
  const { publicKey } = signer
  const passesOn =
    document.kind === 'policy' &&
    !document.policy.operatorKeys.some(({ spki }) => equalBytes(spki, publicKey.spki))
  if (passesOn && !handOver) throw passedOn(file, options.key)
  const [subject, contentType] = SUBJECTS[document.kind]
  const stated = { payload: document.bytes, subject, contentType }
  const { issuer, registered } = await registerByOperator(stated, signer, options)
  if (output !== undefined) await writeOutput(output, registered.transparentStatement)
  const { leafIndex, registrationTime } = registered.statement
  return {
    json: {
      kind: document.kind,
      entryId: registered.entryId,
      leafIndex: leafIndex ?? null,
      registrationTime: registrationTime ?? null,
      key: fingerprint(publicKey),
      keyRotated: passesOn,
      output: output ?? null,
    },
    lines: [
      { text: `${file}: in force behind entry ${formatNumber(leafIndex ?? 0)}`, tone: 'good' },
      ...fields([
        ['log', issuer],
        ['entry id', registered.entryId],
        ['registered', registrationTime === undefined ? undefined : formatTime(registrationTime)],
        ['key', fingerprint(publicKey)],
        ['written', output],
      ]),
      ...(passesOn ? [ROTATED] : []),
    ],
  }
}

/** There is no way back, and a policy that was written for another log looks the same. */
function passedOn(file: string, key: string): CliError {
  const message = `${file} does not list the key ${key} among its operatorKeys: an operator key that signs it changes no rules after that`
  const hint =
    'is it a policy of this log? If another key is to take over, list both first, or give this one up with --hand-over'
  return new CliError('ERR_USAGE', message, { hint })
}

const ROTATED: Line = {
  text: 'this key is not among the operator keys any more: the next change needs one that is',
  tone: 'warn',
}
