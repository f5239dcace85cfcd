/** `attestry policy diff`: what a new policy changes, member by member. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import type { LogPlace } from '../app/data-directory.ts'
import { CliError } from './cli-error.ts'
import { addStore, namedLog } from './log-place.ts'
import { documentJson, readLogRules, readRulesDocument } from './policy-text.ts'
import type { RulesDocument } from './policy-text.ts'
import type { Line } from './terminal.ts'

const HELP = `
Compares a document with the one in force in a log (--data), or with another file. Lists
are compared by what they hold, not by order.

Examples:
  $ attestry policy diff policy.json --data ./data
  $ attestry policy diff old.json new.json
`

interface DiffOptions extends CommonOptions {
  readonly data?: string
  readonly store?: string
}

/** One difference: what is no longer there, or what is new. */
interface Change {
  readonly member: string
  readonly removed: readonly unknown[]
  readonly added: readonly unknown[]
}

export function addPolicyDiff(policy: Command): void {
  const command = addCommand(policy, 'diff', {
    description: 'show what a new policy changes',
    help: HELP,
  })
    .argument('FILE', 'new document; with two files, the old one')
    .argument('[NEW]', 'new document')
    .option('--data <dir>', 'data directory of the log to compare with')
  addStore(command).action(run(diff))
}

async function diff(
  file: string,
  second: string | undefined,
  options: DiffOptions,
): Promise<Report> {
  const log = namedLog(options)
  if ((second === undefined) === (log === undefined)) {
    throw new CliError('ERR_USAGE', 'compare with a second FILE or with --data DIR, one of them')
  }
  const next = await readRulesDocument(second ?? file)
  const before =
    log === undefined
      ? await readRulesDocument(file)
      : await inForce(log, next.kind, options.json === true)
  if (before.kind !== next.kind) {
    throw new CliError('ERR_USAGE', 'one is a policy and the other a trust anchors document')
  }
  const changes = compare(documentJson(before), documentJson(next))
  return { json: { kind: next.kind, changes }, lines: describe(changes) }
}

async function inForce(
  log: LogPlace,
  kind: RulesDocument['kind'],
  quiet: boolean,
): Promise<RulesDocument> {
  const { policy, anchors, inner } = (await readLogRules(log, { quiet })).rules
  const bytes = new Uint8Array()
  return kind === 'policy' ? { kind, policy, bytes } : { kind, anchors, inner, bytes }
}

/** Member by member; each side's elements that the other has not. */
export function compare(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((member) => {
    const [old, next] = [elements(before[member]), elements(after[member])]
    const texts = [old, next].map((list) => new Set(list.map((item) => JSON.stringify(item))))
    const removed = old.filter((item) => !texts[1]!.has(JSON.stringify(item)))
    const added = next.filter((item) => !texts[0]!.has(JSON.stringify(item)))
    return removed.length + added.length === 0 ? [] : [{ member, removed, added }]
  })
}

function elements(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function describe(changes: readonly Change[]): Line[] {
  if (changes.length === 0) return ['no difference']
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : JSON.stringify(value)
  return changes.flatMap(({ member, removed, added }): Line[] => [
    member,
    ...removed.map((value): Line => ({ text: `  - ${text(value)}`, tone: 'bad' })),
    ...added.map((value): Line => ({ text: `  + ${text(value)}`, tone: 'good' })),
  ])
}
