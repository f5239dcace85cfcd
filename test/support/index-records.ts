/** Records of an index, made up: a statement that says exactly what a test wants. */
import type { LeafIndex } from '../../src/bytes/integers.ts'
import type { FoundRecords, IndexReader, IndexRecord } from '../../src/log/index-store.ts'
import type { Description } from '../../src/payload/description.ts'

/** A record at `leafIndex`, registered that many seconds after 1000. */
export function madeUpRecord(
  leafIndex: number,
  change: Partial<Omit<IndexRecord, 'description'>> = {},
  description: Partial<Description> = {},
): IndexRecord {
  const entryId = new Uint8Array(32).fill(leafIndex % 256)
  new DataView(entryId.buffer).setUint32(0, leafIndex)
  return {
    leafIndex: leafIndex as LeafIndex,
    entryId,
    registrationTime: 1000 + leafIndex,
    ...change,
    description: {
      kind: 'opaque',
      type: 'text/plain',
      digests: [],
      attributes: [],
      numbers: [],
      findings: [],
      ...description,
    },
  }
}

/** Whole records of [start, start + count). */
export function recordsFrom(
  reader: IndexReader,
  start: number,
  count: number,
): Promise<FoundRecords> {
  return reader.findRecords(Array.from({ length: count }, (_, at) => (start + at) as LeafIndex))
}
