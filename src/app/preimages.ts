/** Content of hash envelopes that a data directory has, for commands that try decisions. */
import type { SignedStatement } from '../statement/signed-statement.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import { SqlitePayloadStore } from '../store/sqlite/sqlite-payload-store.ts'
import { dataPaths } from './data-directory.ts'

export interface Preimages {
  /** What is stored for a hash envelope; `undefined` for other statements. */
  of(statement: SignedStatement): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/** Opens the payload store of a log that exists. */
export function openPreimages(data: string): Preimages {
  const payloads = SqlitePayloadStore.open(dataPaths(data).store)
  return {
    of: async (statement) => {
      const name = payloadNameOf(statement)
      const found = name && (await payloads.find(name))
      return found?.kind === 'stored' ? found.bytes : undefined
    },
    close: () => payloads.close(),
  }
}
