/** One look-up of an audit of the index: what it answers against what it has to. */
import type { QueryParameters } from '../client/query-pages.ts'
import { AuditFault } from './audit-fault.ts'
import type { IndexAudit, IndexRange } from './compare-records.ts'
import { INDEXES_MAX, lookupsOf } from './lookup-sample.ts'
import type { ExpectedLookup } from './lookup-sample.ts'

/** The fault of a look-up that hides an entry, or finds one that does not say so. */
export async function checkLookup(
  { parameters, indexes }: ExpectedLookup,
  { from, to }: IndexRange,
  audit: IndexAudit,
): Promise<AuditFault | undefined> {
  const isCut = indexes.length >= INDEXES_MAX
  const end = isCut ? indexes.at(-1)! + 1 : to
  const found = await audit.readRows(parameters, { from, to: end })
  if (found === undefined) return undefined
  const wanted = new Set(indexes)
  const differing = [
    ...indexes.filter((leafIndex) => !found.has(leafIndex)),
    ...[...found.keys()].filter((leafIndex) => !wanted.has(leafIndex)),
  ].sort((a, b) => a - b)
  for (const leafIndex of differing) {
    const isFound = found.has(leafIndex)
    if (isOfSubmitter(parameters)) {
      // Nothing contradicts the index until a journal is about the entry.
      if (!audit.knowsSubmitter(leafIndex)) continue
    } else {
      // Both are about content, and who submitted does not depend on that.
      if (audit.notComparable.has(leafIndex)) continue
      const isEnvelope = audit.envelopes.has(leafIndex)
      if (isEnvelope && !(await isWrongNow(parameters, leafIndex, audit))) continue
    }
    const entryId = found.get(leafIndex)?.entryId ?? (await audit.entryIdOf(leafIndex))
    return faultOf(parameters, { leafIndex, entryId, isFound })
  }
  return undefined
}

function isOfSubmitter({ attribute = '' }: QueryParameters): boolean {
  return String(attribute).startsWith('submitter:')
}

function faultOf(
  parameters: QueryParameters,
  place: { readonly leafIndex: number; readonly entryId: string; readonly isFound: boolean },
): AuditFault {
  const { isFound, ...where } = place
  const asked = Object.entries(parameters)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('&')
  const what = isFound ? 'finds' : 'hides'
  const why = isFound ? ', which does not say so' : ''
  const message = `a look-up of ${asked} ${what} entry ${where.leafIndex}${why}`
  return new AuditFault('index', message, where)
}

/** Content of an envelope may have come between two questions: both are asked once more. */
async function isWrongNow(
  parameters: QueryParameters,
  leafIndex: number,
  audit: IndexAudit,
): Promise<boolean> {
  const facts = await audit.factsNow(leafIndex)
  const found = await audit.readRows(parameters, { from: leafIndex, to: leafIndex + 1 })
  if (facts === undefined || found === undefined) return false
  const asked = new URLSearchParams(parameters as Record<string, string>).toString()
  const says = lookupsOf(facts, 0).some(
    (one) => new URLSearchParams(one.parameters).toString() === asked,
  )
  return says !== found.has(leafIndex)
}
