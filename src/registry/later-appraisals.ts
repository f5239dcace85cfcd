/**
 * Results of appraising registered evidence again (R28): statements of whoever did it, about another time.
 * They stand beside what the registration found and change nothing of it.
 */
import { encodeHex } from '../bytes/hex.ts'
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexRecord } from '../log/index-store.ts'
import { valuesOf } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'

export interface LaterAppraisal {
  readonly row: IndexedStatement
  /** What its signer says that it is now. */
  readonly tcbStatus?: string
  readonly result?: string
}

/** Results that are shown of one piece of evidence: the newest. */
const APPRAISALS_MAX = 5

/** The newest results that name this entry. */
export async function findAppraisals(
  { entryId }: IndexRecord,
  treeSize: number,
  ports: RegistryPorts,
): Promise<readonly LaterAppraisal[]> {
  const query = {
    kind: 'tee-result' as const,
    attributes: [{ name: 'target-entry' as const, value: encodeHex(entryId) }],
    ...{ indexBelow: treeSize, order: 'descending' as const, limit: APPRAISALS_MAX },
  }
  const { statements } = await queryStatements({ query, facts: true }, ports)
  return statements.flatMap(({ record }) => {
    if (record === undefined) return []
    const [tcbStatus] = valuesOf(record.description, 'tcb-status')
    const [result] = valuesOf(record.description, 'result')
    return {
      row: summarize(record),
      ...(tcbStatus === undefined ? {} : { tcbStatus }),
      ...(result === undefined ? {} : { result }),
    }
  })
}
