/**
 * TEE evidence for people: containers, and what platforms make. Everything is read from the bytes alone
 * and nothing is verified; `attestry appraise` does that.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { parseCoseKey } from '../../cose/public-key.ts'
import { parseCheckpoint } from '../../note/checkpoint.ts'
import { parseTeeEvidence } from '../../payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../payload/tee/evidence-container.ts'
import type { EvidenceBinding } from '../../payload/tee/container-binding.ts'
import { findCutQuote, findEvidenceFormat } from '../../payload/tee/evidence-format.ts'
import { parseCollateral } from '../../payload/tee/collateral-bundle.ts'
import { collateralFromFiles } from '../../payload/tee/collateral-files.ts'
import type { CollateralBundle } from '../../payload/tee/collateral-bundle.ts'
import { fingerprint } from '../trust-text.ts'
import { bytesText } from './cbor-text.ts'
import { collateralItems } from './collateral.ts'
import { evidenceItems } from './evidence-facts.ts'
import type { Inspection, Item } from './item.ts'
import { tryRead } from './try-read.ts'

const BRACE = 0x7b
const LISTS: readonly string[] = ['intel-root-crl', 'intel-pck-crl', 'crls']

/** What the bytes hold, when they are evidence or collateral; `undefined` for anything else. */
export function inspectEvidence(bytes: Uint8Array): Inspection | undefined {
  const container = tryRead(() => parseTeeEvidence(bytes))
  if (container !== undefined) {
    return { kind: `TEE evidence container, ${container.format}`, items: containerItems(container) }
  }
  const bundle = tryRead(() => parseCollateral(bytes))
  if (bundle !== undefined && Object.keys(bundle).length > 0) {
    return { kind: 'TEE collateral', items: collateralItems(bundle) }
  }
  const file = inspectCollateralFile(bytes)
  if (file !== undefined) return file
  const found = findEvidenceFormat(bytes)
  if (found === undefined) return inspectCutQuote(bytes)
  const items = evidenceItems({ format: found.format, evidence: bytes }, {})
  return { kind: `TEE evidence, ${found.format}`, items }
}

function inspectCutQuote(bytes: Uint8Array): Inspection | undefined {
  const cut = findCutQuote(bytes)
  if (cut === undefined) return undefined
  return { kind: 'TEE quote, cut short', items: [{ name: 'because', value: cut }] }
}

/** A file of a vendor's service. Chains alone are shown as the certificates that they are. */
function inspectCollateralFile(bytes: Uint8Array): Inspection | undefined {
  const bundle = tryRead(() => collateralFromFiles([{ name: 'file', bytes }]))
  if (bundle === undefined) return undefined
  const parts = Object.keys(bundle)
  const isList = parts.every((part) => LISTS.includes(part))
  if (!isList && bytes.find((byte) => byte > 0x20) !== BRACE) return undefined
  return {
    kind: isList ? 'certificate revocation list' : 'TEE collateral',
    items: collateralItems(bundle),
  }
}

function containerItems(container: TeeEvidence): Item[] {
  const { format, evidence, collateral, registered, eventLog, binding, checkpoint } = container
  const bundle: CollateralBundle =
    collateral === undefined ? {} : (tryRead(() => parseCollateral(collateral)) ?? {})
  return [
    { name: 'evidence', value: format, note: `${evidence.length} bytes`, items: evidenceItems(container, bundle) }, // prettier-ignore
    binding === undefined
      ? { name: 'binding', value: 'none', note: 'it proves no environment of anything else' }
      : { name: 'binding', value: binding.type, note: 'claimed', items: bindingItems(binding) },
    ...(checkpoint === undefined ? [] : [checkpointItem(checkpoint)]),
    ...(eventLog === undefined ? [] : [{ name: 'event log', value: `${eventLog.length} bytes` }]),
    ...(registered ?? []).map((id): Item => ({
      name: 'collateral in entry',
      value: encodeHex(id),
    })),
    ...(collateral === undefined
      ? []
      : [{ name: 'collateral', note: `${collateral.length} bytes`, items: collateralItems(bundle) }]), // prettier-ignore
  ]
}

function bindingItems({ type, place, offset, buildId, key, payload }: EvidenceBinding): Item[] {
  const isOfKey = type === 'key' || type === 'build'
  const bound = key === undefined ? undefined : tryRead(() => fingerprint(parseCoseKey(key)))
  return [
    ...(isOfKey && key === undefined
      ? [{ name: 'key', value: 'the signer of the statement' }]
      : []),
    ...(key === undefined ? [] : [{ name: 'key', value: bound ?? bytesText(key) }]),
    ...(buildId === undefined ? [] : [{ name: 'build id', value: buildId }]),
    ...(payload === undefined ? [] : [{ name: 'payload', value: `sha256:${encodeHex(payload)}` }]),
    ...(place === undefined ? [] : [{ name: 'place', value: place }]),
    ...(offset === undefined ? [] : [{ name: 'offset', value: String(offset) }]),
  ]
}

/** The lower end of the time in which the evidence was made; its registration is the upper one. */
function checkpointItem(note: Uint8Array): Item {
  const read = tryRead(() => parseCheckpoint(note))
  if (read === undefined) return { name: 'checkpoint', value: bytesText(note), note: 'unreadable' }
  return {
    name: 'made after',
    value: `checkpoint of size ${read.treeSize} of ${read.origin}`,
    note: 'claimed',
    items: [{ name: 'root hash', value: encodeHex(read.rootHash) }],
  }
}
