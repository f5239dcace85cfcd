/**
 * `attestry init`: creates a log, explicitly and once. With `--operator-key` the operator's private
 * key stays elsewhere: the first run writes what it has to sign, the second one takes the results.
 */
import type { Command } from 'commander'
import type { InitLogResult } from '../app/init-log.ts'
import { isPostgresUrl, withoutPassword } from '../app/store-location.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { collect, parseText } from './option-values.ts'
import { fields, shellWord } from './terminal.ts'
import type { Line } from './terminal.ts'
import { readAnchors } from './trust-add.ts'
import { readAnchor } from './trust-file.ts'
import { anchorName, anchorPatterns, fingerprint } from './trust-text.ts'

const HELP = `
ORIGIN is the log's name for ever: a host name with an optional path, no scheme. The first
two entries are the Registration Policy and the trust anchors given with --trust, signed
by the operator key. An anchor without a pattern may speak for any issuer.

The guard keeps the last signed tree head. It lies outside the data directory, must not be
in its backups, and is what makes a restored older copy refuse to sign.

For several nodes the log lies in PostgreSQL: --store and --guard name empty databases in two
clusters. The data directory keeps the keys and remembers the databases (docs/operating.md).

The first policy has signatures of issuers and TEE evidence verified; \`policy set\` changes that
(docs/policies.md has the members, docs/tee.md what evidence is worth).

With --operator-key the operator key stays elsewhere, in two steps: this command writes
the two documents and says how to sign them; run it again when they are signed.

Examples:
  $ attestry init --data ./data --origin log.example.org \\
      --trust issuer.pub.cbor=https://ci.example.org
  $ attestry init --data ./data --origin log.example.org --operator-key operator.pub.cbor
  $ attestry init --data ./data --origin log.example.org \\
      --store postgres://attestry@db1.example.org/log --guard postgres://attestry@db2.example.org/guard
`

interface InitOptions {
  readonly data: string
  readonly origin: string
  readonly trust?: readonly string[]
  readonly token?: string
  readonly operatorKey?: string
  readonly store?: string
  readonly guard?: string
  readonly receiptKey?: string
}

export function addInit(program: Command): void {
  addCommand(program, 'init', { description: 'create a log', help: HELP })
    .requiredOption('--data <dir>', 'data directory to create')
    .requiredOption('--origin <origin>', 'name of the log, like log.example.org/2026')
    .option('--trust <file[=pattern]>', 'anchor of issuers to admit (repeatable)', collect)
    .option(
      '--token <name>',
      'also make an API token of that name, for the first submitter',
      parseText,
    )
    .option('--operator-key <pub>', "operator's public key; its private key stays elsewhere")
    .option('--store <url>', 'PostgreSQL database of the log, for several nodes')
    .option('--guard <path>', 'guard: a file (default: DIR.guard beside DIR), or a postgres:// URL')
    .option('--receipt-key <uri>', 'PKCS #11 URI of a receipt key in a token (ES256)')
    .action(run(init))
}

async function init(options: InitOptions): Promise<Report> {
  const anchors = await readAnchors(options.trust ?? [])
  const operatorKey =
    options.operatorKey === undefined ? undefined : await readPublicKey(options.operatorKey)
  const { data, store, guard, origin, receiptKey } = options
  const { initLog } = await import('../app/init-log.ts')
  const result = await initLog({ data, store, guard, origin, anchors, operatorKey, receiptKey })
  if (result.kind !== 'created') return reportToBeSigned(result)
  const report = reportCreated(result, options)
  return options.token === undefined ? report : withToken(report, data, options.token)
}

/** With the token that the first submitter shows. */
async function withToken(report: Report, data: string, name: string): Promise<Report> {
  const { addApiToken } = await import('../app/api-tokens.ts')
  const { token, tokenId } = await addApiToken({ data, name, scopes: ['register'] })
  return {
    json: { ...report.json, token, tokenId },
    lines: [...report.lines, `API token of ${name}, not shown again: ${token}`],
  }
}

async function readPublicKey(path: string): Promise<PublicKey> {
  const anchor = await readAnchor(path)
  if (anchor.kind !== 'cose-key') {
    throw new CliError('ERR_USAGE', `${path}: expected a COSE_Key or a PEM public key`)
  }
  return anchor.key
}

function reportCreated(
  { paths, names, head, receiptKey, operatorKey, anchors }: InitLogResult & { kind: 'created' },
  options: InitOptions,
): Report {
  const { treeSize } = head.treeHead
  const [receipt, operator] = [fingerprint(receiptKey), fingerprint(operatorKey)]
  // The directory remembers databases, and a URL may hold a password.
  const isShared = isPostgresUrl(paths.store)
  const guard =
    isShared || options.guard === undefined ? '' : ` --guard ${shellWord(options.guard)}`
  const token =
    options.receiptKey === undefined ? '' : ` --receipt-key ${shellWord(options.receiptKey)}`
  const none: Line = {
    text: 'No trust anchor was given (--trust): this log admits no statement of anybody.',
    tone: 'warn',
  }
  return {
    json: {
      result: 'created',
      data: paths.directory,
      ...(isShared ? { store: withoutPassword(paths.store) } : {}),
      guard: withoutPassword(paths.guard),
      ...names,
      treeSize,
      receiptKey: receipt,
      operatorKey: operator,
      anchors: anchors.map(({ issuers }, i) => ({ anchor: anchorName(anchors[i]!), issuers })),
    },
    lines: [
      { text: `created the log ${names.origin} in ${options.data}`, tone: 'good' },
      ...fields([
        ['issuer', names.issuer],
        ['tree size', String(treeSize)],
        ['receipt key', `${receipt} (publish this fingerprint)`],
        [
          'operator key',
          options.operatorKey === undefined
            ? `${operator} (${paths.operatorKey}; it signs new rules: keep it elsewhere)`
            : operator,
        ],
        ['store', isShared ? withoutPassword(paths.store) : undefined],
        ['guard', `${withoutPassword(paths.guard)} (keep it out of backups)`],
        ...anchors.map((a) => ['admits', `${anchorName(a)} for ${anchorPatterns(a)}`] as const),
      ]),
      ...(anchors.length === 0 ? [none] : []),
      `Start it: attestry serve --data ${shellWord(options.data)}${guard}${token}`,
    ],
  }
}

function reportToBeSigned({ names, documents }: InitLogResult & { kind: 'to-be-signed' }): Report {
  const commands = documents.flatMap(({ document, signed, subject, contentType }) => [
    `  attestry sign ${shellWord(document)} --key OPERATOR.pem \\`,
    `    --issuer ${names.issuer} --subject ${subject} \\`,
    `    --type ${contentType} \\`,
    `    -o ${shellWord(signed)}`,
  ])
  return {
    json: { result: 'to-be-signed', ...names, documents },
    lines: [
      { text: 'No log yet: the operator has to sign these two documents.', tone: 'warn' },
      'Read them, sign them where the operator key is, and put the results in place:',
      ...commands,
      'Then run the same `attestry init` again.',
    ],
  }
}
