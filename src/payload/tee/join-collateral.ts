/** Collateral that came with evidence, and that of the entries which it names, as one bundle. */
import { encodeHex } from '../../bytes/hex.ts'
import { COLLATERAL_TOTAL_MAX, parseCollateral } from './collateral-bundle.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import type { TeeEvidence } from './evidence-container.ts'
import { EvidenceError } from './evidence.ts'

/** Parts that came along count before those of the entries named, in their order; lists add up. */
export function joinCollateral(
  { collateral, registered = [] }: TeeEvidence,
  bundles: ReadonlyMap<string, Uint8Array> = new Map(),
): CollateralBundle {
  const total = [collateral, ...bundles.values()].reduce((sum, one) => sum + (one?.length ?? 0), 0)
  if (total > COLLATERAL_TOTAL_MAX) {
    const message = `more than ${COLLATERAL_TOTAL_MAX} bytes of collateral in all`
    throw new EvidenceError('collateral-malformed', message)
  }
  const parsed = collateral === undefined ? [] : [parseCollateral(collateral)]
  for (const id of new Set(registered.map(encodeHex))) {
    const bytes = bundles.get(id)
    if (bytes === undefined) {
      throw new EvidenceError('collateral-unregistered', `entry ${id} registered no collateral`)
    }
    parsed.push(parseCollateral(bytes))
  }
  const joined: CollateralBundle = Object.assign({}, ...[...parsed].reverse()) as CollateralBundle
  return { ...joined, ...pool('certificates', parsed), ...pool('crls', parsed) }
}

/** Certificates and lists of any vendor, from all bundles. */
function pool(
  name: 'certificates' | 'crls',
  bundles: readonly CollateralBundle[],
): Partial<Record<typeof name, readonly Uint8Array[]>> {
  const all = bundles.flatMap((bundle) => bundle[name] ?? [])
  return all.length === 0 ? {} : { [name]: all }
}
