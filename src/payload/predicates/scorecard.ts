/**
 * OpenSSF Scorecard results (JSON v2), as the predicate of https://scorecard.dev/result/v0.1 or bare.
 * A score of -1 says that nothing could be concluded: it is a finding and no number, and never zero.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import { isHexDigest } from '../digest-forms.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseRfc3339 } from '../rfc3339.ts'

const INCONCLUSIVE = -1

export const scorecard: JsonHandler = { kind: 'scorecard', check, describe }

function check({ predicate, at }: JsonInput): void {
  // In a Statement the subject is the repository; bare, nothing else names it.
  if (at === '' && memberAt(predicate, 'repo') === undefined) {
    malformed(`${at}/repo`, 'is missing')
  }
  try {
    parseRfc3339(timeOf(predicate), 'date')
  } catch (cause) {
    const message = 'is neither a day nor an RFC 3339 time'
    malformed(`${at}/date`, message, cause)
  }
}

/** The date as a time: results of Scorecard's weekly runs have the day alone. */
function timeOf(predicate: JsonInput['predicate']): string {
  const date = textAt(predicate, 'date') ?? ''
  return date.length === 10 ? `${date}T00:00:00Z` : date
}

function describe(input: JsonInput, out: DescriptionBuilder): void {
  const { predicate, at } = input
  out.time('evaluated-on', timeOf(predicate))
  out.attribute('tool', `scorecard@${textAt(predicate, 'scorecard', 'version') ?? ''}`)
  describeRepository(input, out)
  const score = memberAt(predicate, 'score')
  if (score === INCONCLUSIVE) {
    out.finding('score-inconclusive', 'the score is -1: inconclusive', `${at}/score`)
  } else {
    out.number('score', score)
  }
  for (const item of listAt(predicate, 'checks')) {
    const result = memberAt(item, 'score')
    const text = result === INCONCLUSIVE ? 'inconclusive' : String(result)
    out.attribute('result', `${textAt(item, 'name') ?? ''}:${text}`)
  }
}

/** True for JSON that can only mean to be a Scorecard result. */
export function looksLikeScorecard(json: unknown): boolean {
  const names = [['scorecard', 'version'], ['checks'], ['score']]
  return names.every((path) => memberAt(json, ...path) !== undefined)
}

function describeRepository({ json, predicate, at }: JsonInput, out: DescriptionBuilder): void {
  const subjects = at === '' ? [] : listAt(json, 'subject')
  const repository = textAt(predicate, 'repo', 'name')
  for (const name of [repository, ...subjects.map((subject) => textAt(subject, 'name'))]) {
    // Scorecard writes host and path; others name a repository by its URL.
    out.attribute('repository', name)
    if (name !== undefined && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+\/[^\s:]+$/.test(name)) {
      out.attribute('repository', `https://${name}`)
    }
  }
  const commit = textAt(predicate, 'repo', 'commit')
  if (commit === undefined) return
  if (at === '') {
    if (isHexDigest('gitCommit', commit.toLowerCase()) === true) {
      out.digest('subject', 'gitCommit', commit)
    }
  } else if (!subjects.some((subject) => textAt(subject, 'digest', 'gitCommit') === commit)) {
    const message = 'the commit that was scored is not a subject of the statement'
    out.finding('scorecard-commit-mismatch', message, `${at}/repo/commit`)
  }
}
