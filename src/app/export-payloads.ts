/**
 * Payloads in an export. What admissions were decided with is collateral and exported as such; beside
 * it there is what the index read later, and names other than SHA-256. What was deleted by a
 * registered statement is removed from earlier exports into the same directory, too.
 */
import { encodeHex } from '../bytes/hex.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { DataPaths } from './data-directory.ts'
import type { ExportDirectory } from './export-directory.ts'
import { openPayloads } from './stores.ts'

/** Brings `payloads/` of an export up to date. */
export async function exportPayloads(
  paths: Pick<DataPaths, 'store'>,
  directory: ExportDirectory,
): Promise<void> {
  const payloads = await openPayloads(paths)
  try {
    for (const name of await payloads.listPinnedNames()) {
      const found = await payloads.find(name)
      if (found?.kind !== 'stored') continue
      directory.writeOnce(`payloads/${formatPayloadName(name)}`, found.bytes)
    }
    for (const { digest, names } of await payloads.listPruned()) {
      directory.remove(`collateral/sha256:${encodeHex(digest)}`)
      for (const name of names) directory.remove(`payloads/${formatPayloadName(name)}`)
    }
  } finally {
    await payloads.close()
  }
}
