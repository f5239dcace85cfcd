/** Ids and sizes in URLs, parsed by grammar; nothing else of a URL reaches the registry. */
import { parseDecimal, treeSize } from '../bytes/integers.ts'
import type { TreeSize } from '../bytes/integers.ts'
import { NotFoundError } from '../errors.ts'
import { INVALID_LOCATOR } from './problem.ts'

const ENTRY_ID = /^[0-9a-f]{64}$/

/** An entry id. @throws NotFoundError `ERR_LOCATOR`. */
export function parseEntryId(text: unknown): string {
  if (typeof text === 'string' && ENTRY_ID.test(text)) return text
  throw new NotFoundError(
    'ERR_LOCATOR',
    `${INVALID_LOCATOR}: an entry ID is 64 lowercase hex digits`,
  )
}

/** A tree size. @throws NotFoundError `ERR_LOCATOR`. */
export function parseTreeSize(text: unknown): TreeSize {
  try {
    return treeSize(parseDecimal(String(text)))
  } catch (cause) {
    const message = `${INVALID_LOCATOR}: a tree size is a decimal number without leading zeros`
    throw new NotFoundError('ERR_LOCATOR', message, { cause })
  }
}
