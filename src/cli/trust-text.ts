/** Trust anchors and pinned logs in words, for reports and for `inspect`. */
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { ANCHOR_RESTRICTIONS } from '../statement/trust-anchor.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'

/** A key by the fingerprint that people compare: hex RFC 9679 thumbprint. */
export function fingerprint(key: PublicKey): string {
  return encodeHex(keyThumbprint(key))
}

/** What an anchor is, by a fingerprint, without whom it speaks for. */
export function anchorName(anchor: TrustAnchor): string {
  switch (anchor.kind) {
    case 'cose-key':
      return `key ${fingerprint(anchor.key)}`
    case 'x509-root':
      return `X.509 root ${encodeHex(sha256(anchor.certificate.der))}`
    case 'did-x509-root':
      return `did:x509 root ${encodeHex(anchor.fingerprint.value)}`
    case 'attested-service': {
      const endorsers = anchor.service.endorsers.map(
        ({ did, feed }) => `${feed ?? 'any feed'} of ${did}`,
      )
      return `attested service, endorsed by ${endorsers.join(', ')}`
    }
  }
}

/** The issuers that an anchor may speak for, and to what it is limited. */
export function anchorPatterns(anchor: TrustAnchor): string {
  const issuers = anchor.issuers.map((pattern) => (pattern === '*' ? 'any issuer' : pattern))
  const limits = ANCHOR_RESTRICTIONS.flatMap((name) => {
    const patterns = anchor[name]
    return patterns === undefined ? [] : [`${LIMITS[name]} ${patterns.join(', ')}`]
  })
  return [issuers.join(', '), ...limits].join('; only ')
}

const LIMITS = {
  subjects: 'subjects',
  predicateTypes: 'predicate types',
  builderIds: 'builders',
} as const
