/** What `attestry appraise` says: the verdict, facts, what changed, and reference values. */
import { createHash } from 'node:crypto'
import type { AppraisalOutcome } from '../../payload/tee/reappraisal-changes.ts'
import { outcomeWord } from '../../payload/tee/reappraisal-changes.ts'
import type { Reappraisal, ReappraisalVerdict } from '../../payload/tee/reappraise.ts'
import type { ReferenceMatch } from '../../payload/tee/reference-values.ts'
import { appraisalJson, appraisalLines } from '../attest/facts-text.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import { EXIT } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'
import { fields, formatNumber, formatTime } from '../terminal.ts'
import type { Line, Tone } from '../terminal.ts'
import type { Appraised, Registration } from './appraised.ts'

interface Verdict {
  readonly exitCode: ExitCode
  readonly word: string
  readonly tone: Tone
}

export const VERDICTS: Readonly<Record<ReappraisalVerdict, Verdict>> = {
  holds: { exitCode: EXIT.ok, word: 'HOLDS', tone: 'good' },
  contraindicated: { exitCode: EXIT.refused, word: 'CONTRAINDICATED', tone: 'warn' },
  'does-not-hold': { exitCode: EXIT.failed, word: 'DOES NOT HOLD', tone: 'bad' },
  'cannot-tell': { exitCode: EXIT.cannotTell, word: 'CANNOT TELL', tone: 'warn' },
}

/** All lines about a reappraisal. */
export function reappraisalLines(appraised: Appraised, result: Reappraisal): Line[] {
  const { name, registration, statement } = appraised
  const { outcome, before, changes, references, status, verdict } = result
  const { word, tone } = VERDICTS[verdict]
  return [
    { text: `${name}: ${word} as of ${formatTime(outcome.at)}${reasonText(outcome)}`, tone },
    ...('appraisal' in outcome ? appraisalLines(outcome.appraisal) : []),
    ...fields([
      ['status', verdict === 'cannot-tell' ? undefined : status],
      ['evidence', `sha256:${result.evidenceSha256}`],
      ['stated by', statement && statedBy(statement)],
      ...(registration === undefined ? [] : registrationRows(registration, outcome)),
    ]),
    ...(before === undefined ? [] : changeLines(before, changes)),
    ...(references === undefined ? [] : referenceLines(references)),
    ...('error' in outcome && verdict === 'cannot-tell' ? [COLLATERAL_HINT] : []),
  ]
}

const COLLATERAL_HINT =
  "hint: what is missing or too old comes with --collateral DIR, from the vendor's service, a key of a platform with --policy FILE (docs/tee.md)"

/** Whether the issuer may say so is what `attestry verify` answers. */
function statedBy({
  headers: { issuer = 'nobody', subject = 'nothing' },
}: SignedStatement): string {
  return `${issuer} about ${subject} (issuer not checked here)`
}

function reasonText(outcome: AppraisalOutcome): string {
  if ('appraisal' in outcome) return ''
  return `: ${outcome.error.message} (${outcome.error.reason})`
}

type Row = readonly [string, string | undefined]

/** When it was registered, and between which heads the evidence was made, where it says so. */
function registrationRows(registration: Registration, outcome: AppraisalOutcome): Row[] {
  const { log, leafIndex, registeredAt, isFirstHead, treeSize } = registration
  const bindings = 'appraisal' in outcome ? outcome.appraisal.bindings : []
  const after = bindings.find((binding) => binding.after !== undefined)?.after
  const by = isFirstHead ? 'at' : 'by'
  return [
    ['registered', `${by} ${formatTime(registeredAt)} in ${log}`],
    ['index', leafIndex === undefined ? undefined : formatNumber(leafIndex)],
    [
      'made',
      after === undefined || treeSize === undefined
        ? undefined
        : `after head ${formatNumber(after.treeSize)}, before head ${formatNumber(treeSize)}`,
    ],
  ]
}

/** Both by the policy given here; what the log's own said then is in the log. */
function changeLines(before: AppraisalOutcome, changes: Reappraisal['changes']): Line[] {
  const when = formatTime(before.at)
  if (changes.length === 0) {
    return [`the same as of its registration, ${when} (${outcomeWord(before)})`]
  }
  return [
    { text: `changed since its registration, ${when}:`, tone: 'strong' },
    ...fields(changes.map(({ what, before: was, after }) => [`  ${what}`, `${was} → ${after}`])),
  ]
}

const MATCHES = {
  match: 'as the reference values say',
  'no-match': 'NOT as the reference values say',
  'no-reference': 'no reference value is about what is measured',
} as const

function referenceLines({ result, measurements, missing }: ReferenceMatch): Line[] {
  const tone = result === 'match' ? 'good' : result === 'no-match' ? 'bad' : 'warn'
  return [
    { text: `measured ${MATCHES[result]}`, tone },
    ...fields([
      ...measurements
        .filter((one) => one.result !== 'no-reference')
        .map(({ name, result: one }): Row => [`  ${name}`, one]),
      ...missing.map((name): Row => [`  ${name}`, 'missing']),
    ]),
  ]
}

/** The same as one JSON object. */
export function reappraisalJson(
  { name, registration }: Appraised,
  result: Reappraisal,
): Record<string, unknown> {
  const { outcome, before, changes, references, status, verdict, evidenceSha256, entryId } = result
  return {
    file: name,
    verdict,
    status,
    evidence: `sha256:${evidenceSha256}`,
    entryId: entryId ?? null,
    registration: registration ?? null,
    appraisal: outcomeJson(outcome),
    atRegistration: before === undefined ? null : outcomeJson(before),
    changes,
    references: references ?? null,
  }
}

function outcomeJson(outcome: AppraisalOutcome): Record<string, unknown> {
  const { at } = outcome
  if ('appraisal' in outcome) return { at, outcome: 'holds', ...appraisalJson(outcome.appraisal) }
  const { reason, message } = outcome.error
  return { at, outcome: reason, error: { code: 'ERR_TEE_EVIDENCE', reason, message } }
}

/** The name of a file by what is in it (RFC 6920), for an EAR to say what it was made with. */
export function namedInformation(bytes: Uint8Array): string {
  return `ni:///sha-256;${createHash('sha256').update(bytes).digest('base64url')}`
}
