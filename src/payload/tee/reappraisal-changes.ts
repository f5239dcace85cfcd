/**
 * What two appraisals of one piece of evidence say differently: the one of its registration, and a later
 * one with newer collateral. The evidence is the same, so what changes is what vendors publish about its
 * platform, and the time. The earlier answer stays true of its time.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { Appraisal } from './appraise-evidence.ts'
import type { EvidenceError, EvidenceReason, TcbFacts } from './evidence.ts'

/** How an appraisal ended: with facts, or with the reason why the evidence does not hold. */
export type AppraisalOutcome =
  | { readonly at: UnixSeconds; readonly appraisal: Appraisal }
  | { readonly at: UnixSeconds; readonly error: EvidenceError }

/** One difference, as text: `what` is `outcome`, `tcb-status`, `tcb-status:qe`, `advisory`, `finding` … */
export interface AppraisalChange {
  readonly what: string
  readonly before: string
  readonly after: string
}

const ABSENT = 'none'

/** How an outcome reads in one word: `holds`, or the reason. */
export function outcomeWord(outcome: AppraisalOutcome): 'holds' | EvidenceReason {
  return 'appraisal' in outcome ? 'holds' : outcome.error.reason
}

/** The TCB of the hardware, also where a virtual TPM quotes. */
export function tcbOf({ facts, platform }: Appraisal): TcbFacts | undefined {
  return (platform ?? facts).tcb
}

/** All differences; empty when the appraisals agree. */
export function compareOutcomes(
  before: AppraisalOutcome,
  after: AppraisalOutcome,
): readonly AppraisalChange[] {
  const [was, is] = [outcomeWord(before), outcomeWord(after)]
  const outcome = was === is ? [] : [{ what: 'outcome', before: was, after: is }]
  if (!('appraisal' in before) || !('appraisal' in after)) return outcome
  return [...outcome, ...compareAppraisals(before.appraisal, after.appraisal)]
}

function compareAppraisals(before: Appraisal, after: Appraisal): AppraisalChange[] {
  const [was, is] = [singleValues(tcbOf(before)), singleValues(tcbOf(after))]
  const changes: AppraisalChange[] = []
  for (const what of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(what) ?? ABSENT, is.get(what) ?? ABSENT]
    if (old !== now) changes.push({ what, before: old, after: now })
  }
  return [
    ...changes,
    ...compareSets('advisory', tcbOf(before)?.advisories, tcbOf(after)?.advisories),
    ...compareSets('finding', codesOf(before), codesOf(after)),
  ]
}

const codesOf = ({ findings }: Appraisal): readonly string[] => findings.map(({ code }) => code)

/** The judgements of which there is one each. */
function singleValues(tcb: TcbFacts | undefined): Map<string, string> {
  if (tcb === undefined) return new Map()
  const { status, date, evaluationNumber, parts } = tcb
  const values: (readonly [string, string | undefined])[] = [
    ['tcb-status', status],
    ...Object.entries(parts).map(([part, level]) => [`tcb-status:${part}`, level.status] as const),
    ['tcb-date', date?.toString()],
    ['tcb-evaluation-number', evaluationNumber?.toString()],
  ]
  return new Map(values.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

function compareSets(
  what: string,
  before: readonly string[] = [],
  after: readonly string[] = [],
): AppraisalChange[] {
  return [
    ...after.filter((one) => !before.includes(one)).map((one) => change(what, ABSENT, one)),
    ...before.filter((one) => !after.includes(one)).map((one) => change(what, one, ABSENT)),
  ]
}

function change(what: string, before: string, after: string): AppraisalChange {
  return { what, before, after }
}
