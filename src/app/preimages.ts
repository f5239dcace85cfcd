/** Content of hash envelopes that a data directory has, for commands that try decisions. */
import type { SignedStatement } from '../statement/signed-statement.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import { openPayloads } from './stores.ts'

export interface Preimages {
  /** What is stored for a hash envelope; `undefined` for other statements. */
  of(statement: SignedStatement): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/** Opens the payload store of a log that exists. */
export async function openPreimages(place: LogPlace): Promise<Preimages> {
  const payloads = await openPayloads(logPaths(place))
  return {
    of: async (statement) => {
      const name = payloadNameOf(statement)
      const found = name && (await payloads.find(name))
      return found?.kind === 'stored' ? found.bytes : undefined
    },
    close: () => payloads.close(),
  }
}
