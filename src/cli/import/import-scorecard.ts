/**
 * `attestry import scorecard`: a result of OpenSSF Scorecard. Its JSON is registered as it is; of its
 * in-toto form the two misspelt members are put right first, which a registry would refuse.
 */
import type { Command } from 'commander'
import { encodeUtf8 } from '../../bytes/bytes.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { asObject, textAt } from '../../payload/json-members.ts'
import { looksLikeScorecard } from '../../payload/predicates/scorecard.ts'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { Report } from '../command.ts'
import { nameOf, readInput } from '../files.ts'
import { addImportOptions, importPayloads } from './import-payload.ts'
import type { ImportItem, ImportOptions } from './import-payload.ts'
import { importReport } from './import-report.ts'

const HELP = `
FILE is what scorecard --format json (or --format intoto) wrote. You state that you ran it, or
that you saw it: nobody signed the file.

Examples:
  $ scorecard --repo github.com/acme/app --format json > score.json
  $ attestry import scorecard score.json --key importer.pem --issuer https://me.example \\
      --url https://log.example.org
`

const SCORECARD_MEDIA_TYPE = 'application/vnd.ossf.scorecard+json'
const IN_TOTO_MEDIA_TYPE = 'application/vnd.in-toto+json'
/** What `scorecard --format intoto` writes for in-toto's names (statements.md §6). */
const MISSPELT: Readonly<Record<string, string>> = {
  type: '_type',
  predicate_type: 'predicateType',
}

export function addImportScorecard(parent: Command): void {
  const command = addCommand(parent, 'scorecard', {
    description: 'register a result of OpenSSF Scorecard',
    help: HELP,
  })
  addImportOptions(command.argument('FILE', "Scorecard's JSON, or - for standard input")).action(
    run(importScorecard),
  )
}

async function importScorecard(file: string, options: ImportOptions): Promise<Report> {
  const item = readScorecard(await readInput(file), nameOf(file))
  return importReport(await importPayloads([item], options))
}

/** @throws CliError `ERR_FILE` for JSON that is no result. */
function readScorecard(payload: Uint8Array, source: string): ImportItem {
  const json = asObject(parseStrictJson(payload, { code: 'ERR_PAYLOAD_MALFORMED', what: source }))
  if (json !== undefined && looksLikeScorecard(json)) {
    const subject = subjectOf(textAt(json, 'repo', 'name'), textAt(json, 'repo', 'commit'))
    return { source, payload, mediaType: SCORECARD_MEDIA_TYPE, subject }
  }
  if (json === undefined || !looksLikeScorecard(json['predicate'])) {
    throw new CliError('ERR_FILE', `${source}: not a result of Scorecard in JSON`)
  }
  const [subject] = Array.isArray(json['subject']) ? (json['subject'] as unknown[]) : []
  const isRight = Object.keys(MISSPELT).every((name) => !Object.hasOwn(json, name))
  const corrected = Object.fromEntries(
    Object.entries(json).map(([name, value]) => [MISSPELT[name] ?? name, value]),
  )
  return {
    source,
    payload: isRight ? payload : encodeUtf8(JSON.stringify(corrected)),
    mediaType: IN_TOTO_MEDIA_TYPE,
    subject: subjectOf(textAt(subject, 'name'), textAt(subject, 'digest', 'gitCommit')),
  }
}

/** A repository on GitHub as a package URL, others as Scorecard names them. */
function subjectOf(name: string | undefined, commit: string | undefined): string {
  if (name === undefined) return 'urn:attestry:scorecard'
  const github = /^(?:https:\/\/)?github\.com\/([^/]+\/[^/]+)$/.exec(name)?.[1]
  const version = commit === undefined ? '' : `@${commit}`
  return github === undefined ? `${name}${version}` : `pkg:github/${github.toLowerCase()}${version}`
}
