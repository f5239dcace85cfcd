/** Brings a memory index up to date with a test registry's log, as the follower does. */
import type { LeafIndex } from '../../src/bytes/integers.ts'
import type { IndexRecord, IndexWriter } from '../../src/log/index-store.ts'
import { readEntryFacts } from '../../src/payload/entry-facts.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { TestRegistry } from './test-registry.ts'

/** Indexes what is released and not indexed yet, up to `upTo`. */
export async function indexLog(
  index: IndexWriter,
  { log }: Pick<TestRegistry, 'log'>,
  upTo: number = log.currentHead().treeHead.treeSize,
): Promise<void> {
  const { treeSize } = await index.readState()
  const records: IndexRecord[] = []
  for (let at = treeSize as number; at < upTo; at++) {
    const leafIndex = at as LeafIndex
    const head = await log.firstHeadCovering(leafIndex)
    const statement = parseSignedStatement(await log.readEntry(leafIndex))
    records.push({
      leafIndex,
      registrationTime: head!.registrationTime,
      ...readEntryFacts({ statement }),
    })
  }
  if (records.length > 0) await index.append(records)
}
