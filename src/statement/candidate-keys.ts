/** Which of the plain keys that speak for an issuer a statement may be signed with. */
import { equalBytes } from '../bytes/bytes.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import type { TrustAnchor } from './trust-anchor.ts'

/** Keys without a matching kid that are tried on one statement at most. */
const KEYS_TRIED_MAX = 8

type KeyAnchor = Extract<TrustAnchor, { kind: 'cose-key' }>

/** The keys to try, named ones first; with a certified key (its SubjectPublicKeyInfo), that one alone. */
export function candidateKeys(
  allowed: readonly TrustAnchor[],
  keyId: Uint8Array | undefined,
  certified: Uint8Array | undefined,
): readonly KeyAnchor[] {
  const named: KeyAnchor[] = []
  // A key that was given without a kid may be the one behind any kid; its signature decides.
  const unnamed: KeyAnchor[] = []
  for (const anchor of allowed) {
    if (anchor.kind !== 'cose-key') continue
    if (certified !== undefined && !equalBytes(anchor.key.spki, certified)) continue
    if (isNamed(anchor.key, keyId)) named.push(anchor)
    else if (anchor.key.kid === undefined) unnamed.push(anchor)
  }
  const candidates = unnamed.length === 0 ? named : [...named, ...unnamed]
  if (candidates.length > KEYS_TRIED_MAX) candidates.length = KEYS_TRIED_MAX
  return candidates
}

function isNamed(key: PublicKey, keyId: Uint8Array | undefined): boolean {
  if (keyId === undefined || (key.kid !== undefined && equalBytes(key.kid, keyId))) return true
  return equalBytes(thumbprintOf(key), keyId)
}

/** Of keys of anchors, which stay the same objects as long as their anchors are in force. */
const thumbprints = new WeakMap<PublicKey, Uint8Array>()

function thumbprintOf(key: PublicKey): Uint8Array {
  const known = thumbprints.get(key)
  if (known !== undefined) return known
  const thumbprint = keyThumbprint(key)
  thumbprints.set(key, thumbprint)
  return thumbprint
}
