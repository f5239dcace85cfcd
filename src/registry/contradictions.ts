/**
 * Where a verdict of somebody and verified evidence say different things about one environment (R27): a
 * verdict names the digest of the evidence, or it repeats its report data and what it measures. Neither is
 * taken for right: both are listed. A later appraisal of registered evidence is about another time, so
 * that its TCB status differs contradicts nothing.
 */
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexQuery, IndexRecord } from '../log/index-store.ts'
import { splitNamed } from '../payload/description.ts'
import type { AttributeName, Description } from '../payload/description.ts'
import { valuesOf } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'

/** What an answer is marked with where there is any. */
export const CONTRADICTION_FINDING = 'verdict-contradicts-evidence'

export interface Contradiction {
  /** The other statement: the verdict of evidence, the evidence of a verdict. */
  readonly row: IndexedStatement
  /** What they disagree about. */
  readonly about: readonly ('debug' | 'tcb-status' | 'measurement')[]
}

/** Statements that are compared with one, at most, for each thing that links them. */
const COMPARED_MAX = 20
const LINKS_MAX = 4
/** Statuses that a verdict without reserve does not fit. */
const BAD_STATUS = /^(?:OutOfDate|Revoked|NoLevel)/

/** Contradictions of a piece of evidence or of a verdict; none for what is neither. */
export async function findContradictions(
  { leafIndex, description }: IndexRecord,
  treeSize: number,
  ports: RegistryPorts,
): Promise<readonly Contradiction[]> {
  const isVerdict = description.kind === 'tee-result'
  if (!isVerdict && !isVerified(description)) return []
  const others = new Map<number, IndexRecord>()
  for (const link of linksOf(description)) {
    const kind = isVerdict ? {} : { kind: 'tee-result' as const }
    const query = { ...link, ...kind, indexBelow: treeSize, limit: COMPARED_MAX }
    const { statements } = await queryStatements(
      { query: { ...query, order: 'descending' }, facts: true },
      ports,
    )
    for (const { record } of statements) {
      if (record !== undefined && record.leafIndex !== leafIndex)
        others.set(record.leafIndex, record)
    }
  }
  return [...others.values()].flatMap((other) => {
    if (isVerdict && !isVerified(other.description)) return []
    const [evidence, verdict] = isVerdict
      ? [other.description, description]
      : [description, other.description]
    const about = differences(evidence, verdict)
    return about.length === 0 ? [] : [{ row: summarize(other), about }]
  })
}

/** Evidence that the registry verified; anybody can register bytes that were never evidence. */
function isVerified({ kind, attributes, findings }: Description): boolean {
  return (
    !['tee-result', 'reference-values', 'collateral'].includes(kind) &&
    attributes.some(({ name }) => name === 'tee-type') &&
    !findings.some(({ code }) => code === 'evidence-not-verified')
  )
}

function linksOf({
  digests,
  attributes,
}: Description): Pick<IndexQuery, 'digest' | 'roles' | 'attributes'>[] {
  return [
    ...digests
      .filter(({ role, algorithm }) => role === 'evidence' && algorithm === 'sha256')
      .slice(0, LINKS_MAX)
      .map(({ algorithm, value }) => ({
        digest: { algorithm, value },
        roles: ['evidence'] as const,
      })),
    ...attributes
      .filter(({ name }) => name === 'report-data')
      .slice(0, LINKS_MAX)
      .map((attribute) => ({ attributes: [attribute] })),
  ]
}

function differences(evidence: Description, verdict: Description): Contradiction['about'] {
  const isSame = evidence.digests.some(
    ({ role, value }) =>
      role === 'evidence' &&
      verdict.digests.some((other) => other.role === 'evidence' && other.value === value),
  )
  const measured = differInMeasurement(evidence, verdict)
  // Report data alone may stand in the evidence of many starts of many images.
  if (!isSame && measured) return []
  const isAgain = valuesOf(verdict, 'target-entry').length > 0
  return [
    ...(differInDebug(evidence, verdict) ? (['debug'] as const) : []),
    ...(!isAgain && differInStatus(evidence, verdict) ? (['tcb-status'] as const) : []),
    ...(measured ? (['measurement'] as const) : []),
  ]
}

const isAffirming = (verdict: Description): boolean =>
  valuesOf(verdict, 'result').includes('affirming')

function differInDebug(evidence: Description, verdict: Description): boolean {
  const [has, said] = [valuesOf(evidence, 'debug'), valuesOf(verdict, 'debug')]
  if (has.includes('true') && isAffirming(verdict)) return true
  return has.length > 0 && said.length > 0 && has.includes('true') !== said.includes('true')
}

function differInStatus(evidence: Description, verdict: Description): boolean {
  const names: AttributeName = 'tcb-status'
  // AMD publishes no levels: nobody's status contradicts that.
  const has = valuesOf(evidence, names).filter((status) => status !== 'NotEvaluated')
  const said = valuesOf(verdict, names)
  if (isAffirming(verdict) && has.some((status) => BAD_STATUS.test(status))) return true
  return has.length > 0 && said.length > 0 && !said.some((status) => has.includes(status))
}

/** True when both name a measurement and not one value of it is the same. */
function differInMeasurement(evidence: Description, verdict: Description): boolean {
  const [has, said] = [evidence, verdict].map((each) => {
    const named = new Map<string, Set<string>>()
    for (const text of valuesOf(each, 'measurement')) {
      const { name, value } = splitNamed(text)
      named.set(name, (named.get(name) ?? new Set()).add(value))
    }
    return named
  }) as [Map<string, Set<string>>, Map<string, Set<string>>]
  return [...said].some(([name, values]) => {
    const own = has.get(name)
    // A register of zeros is left out of what evidence says.
    return own !== undefined && ![...values].some((value) => own.has(value))
  })
}
