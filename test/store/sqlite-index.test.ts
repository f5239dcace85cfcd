/** The SQLite index keeps the contract; its plans and its bounds are beside, in index-plans.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TreeSize } from '../../src/bytes/integers.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openIndex } from '../../src/store/sqlite/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/sqlite-index.ts'
import { describeIndexStore } from '../contract/index-store.ts'

describeIndexStore('memory', async () => {
  const index = new MemoryIndex()
  const dispose = async (): Promise<void> => index.close()
  return { writer: index, reader: index, announce: () => undefined, dispose }
})

describeIndexStore('sqlite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'attestry-index-'))
  const path = join(directory, 'index.sqlite')
  const { writer } = await openIndex(path, { madeBy: 'test' })
  const reader = SqliteIndex.open(path)
  return {
    writer,
    reader,
    announce: (treeSize) => reader.announce(treeSize as TreeSize),
    dispose: async () => {
      await reader.close()
      await writer.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
})
