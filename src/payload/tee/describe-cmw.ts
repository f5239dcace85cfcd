/**
 * Wrapped messages (`application/cmw+cbor`, `+json`) in the vocabulary of descriptions: each record is
 * read by the handler of its own type, and what nobody reads becomes a finding. The table of handlers
 * is handed in, since wrappers stand in it themselves.
 */
import type { StatementKind } from '../description.ts'
import type { BytesHandler, BytesInput } from '../handler.ts'
import { parseMediaType, type MediaType } from '../media-types.ts'
import { checkedPayload } from './checked-payload.ts'
import { cmwRecords, parseCmw } from './cmw.ts'

/** Which kind a wrapper of several is: evidence before results before the rest. */
const ORDER: readonly StatementKind[] = [
  'tee-evidence',
  'tee-result',
  'reference-values',
  'collateral',
]

interface Item {
  readonly path: string
  readonly mediaType: MediaType
  readonly bytes: Uint8Array
  readonly handler: BytesHandler | undefined
}

/** Handlers of the two media types of wrappers, over the handlers of what they carry. */
export function cmwHandlers(
  handlers: ReadonlyMap<string, BytesHandler>,
): ReadonlyMap<string, BytesHandler> {
  const itemsOf = (bytes: Uint8Array): Item[] =>
    cmwRecords(parseCmw(bytes)).map(({ path, record }) => {
      const mediaType = parseMediaType(record.type)
      return { path, mediaType, bytes: record.value, handler: handlers.get(mediaType.name) }
    })
  const handler: BytesHandler = {
    kind: 'tee-evidence',
    kindOf: ({ bytes }) => {
      const kinds = itemsOf(bytes).flatMap(({ handler }) => handler?.kind ?? [])
      return ORDER.find((kind) => kinds.includes(kind)) ?? 'opaque'
    },
    check: (input) => {
      for (const { handler, ...item } of checkedPayload(() => itemsOf(input.bytes))) {
        handler?.check({ ...input, ...item })
      }
    },
    describe: (input: BytesInput, out) => {
      for (const { path, mediaType, bytes, handler } of itemsOf(input.bytes)) {
        if (handler === undefined) {
          const where = path === '' ? '' : ` at "${path}"`
          out.finding('cmw-item-not-read', `a message of type "${mediaType.name}"${where}`)
        } else handler.describe({ ...input, mediaType, bytes }, out)
      }
    },
  }
  return new Map([
    ['application/cmw+cbor', handler],
    ['application/cmw+json', handler],
  ])
}
