/** The index, where there is one: a registry registers and proves without it. */
import { UnavailableError } from '../errors.ts'
import type { IndexReader } from '../log/index-store.ts'
import type { RegistryPorts } from './ports.ts'

/** @throws UnavailableError `ERR_INDEX_OFF`. */
export function requireIndex({ index }: RegistryPorts): IndexReader {
  if (index !== undefined) return index
  throw new UnavailableError(
    'ERR_INDEX_OFF',
    'This service answers no look-ups: its index is off.',
    {
      retryAfterSeconds: 30,
    },
  )
}

/**
 * Returns when the index covers `wanted` entries. It does not for a moment after a registration, and
 * for longer while it is rebuilt.
 * @throws UnavailableError `ERR_INDEX_BEHIND`.
 */
export function assertCovers(treeSize: number, wanted: number): void {
  if (treeSize >= wanted) return
  throw new UnavailableError(
    'ERR_INDEX_BEHIND',
    `The index covers ${treeSize} entries so far; ${wanted} are needed.`,
  )
}
