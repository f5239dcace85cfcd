/**
 * A trusted root file as `@sigstore/verify` wants it, with the thresholds that it implies (ADR 0021):
 * what the root lists has to vouch for a bundle. They follow from the root and never from the bundle,
 * or leaving evidence out would lower them.
 */
import { PublicKeyDetails, TrustedRoot } from '@sigstore/protobuf-specs'
import type { PublicKey } from '@sigstore/protobuf-specs'
import { toTrustMaterial } from '@sigstore/verify'
import type { KeyFinderFunc, TrustMaterial, VerifierOptions } from '@sigstore/verify'
import { encodeBase64 } from '../bytes/base64.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import type { BundleKey } from '../payload/bundle-verifier.ts'
import { parseTrustedRoots } from '../payload/trusted-root.ts'

/** One root of a file. */
export interface TrustRoot {
  readonly material: Omit<TrustMaterial, 'publicKey'>
  readonly thresholds: VerifierOptions
}

type Authority = TrustMaterial['certificateAuthorities'][number]
type AuthorityCertificate = Authority['certChain'][number]

/**
 * Reads a trusted root file.
 * @throws InputError `ERR_TRUST_CONFIGURATION` when it cannot be used.
 */
export function readTrustRoots(bytes: Uint8Array): readonly TrustRoot[] {
  return parseTrustedRoots(bytes).map((json) => {
    try {
      return readRoot(TrustedRoot.fromJSON(json))
    } catch (cause) {
      const { message } = cause as Error
      throw new InputError(
        'ERR_TRUST_CONFIGURATION',
        `the Sigstore trusted root cannot be used: ${message}`,
        { cause },
      )
    }
  })
}

function readRoot(root: TrustedRoot): TrustRoot {
  const { publicKey: _, ...material } = toTrustMaterial(root)
  if (material.certificateAuthorities.length === 0 && material.tlogs.length === 0) {
    throw new Error('it lists no certificate authority and no transparency log')
  }
  return {
    material: {
      ...material,
      certificateAuthorities: material.certificateAuthorities.map(endAtLast),
      timestampAuthorities: material.timestampAuthorities.map(endAtLast),
    },
    thresholds: {
      ctlogThreshold: material.ctlogs.length > 0 ? 1 : 0,
      tlogThreshold: material.tlogs.length > 0 ? 1 : 0,
      // Certificates live for minutes: without a time that somebody vouches for, nothing holds.
      timestampThreshold: 1,
    },
  }
}

/**
 * The last certificate of a chain is the anchor, whether it signed itself or not: GitHub's root files
 * end at an intermediate. The library walks on until a certificate is its own issuer, so the last
 * one says that it is.
 */
function endAtLast(authority: Authority): Authority {
  const { certChain } = authority
  const last = certChain.at(-1)
  if (last === undefined || last.subject.equals(last.issuer)) return authority
  return { ...authority, certChain: [...certChain.slice(0, -1), asAnchor(last)] }
}

function asAnchor(certificate: AuthorityCertificate): AuthorityCertificate {
  const overrides = {
    issuer: { get: () => certificate.subject },
    verify: {
      value: (issuer?: AuthorityCertificate) =>
        issuer === undefined ? true : certificate.verify(issuer),
    },
  }
  return Object.create(certificate, overrides) as AuthorityCertificate
}

/** Finds the key that a bundle names; the times of a key are those that its bundle has to prove. */
export function keyFinder(keys: readonly BundleKey[]): KeyFinderFunc {
  const byHint = Object.create(null) as Record<string, PublicKey>
  for (const { keyid, spki, validFrom, validUntil } of keys) {
    const key: PublicKey = {
      rawBytes: Buffer.from(spki),
      keyDetails: PublicKeyDetails.PUBLIC_KEY_DETAILS_UNSPECIFIED,
      validFor: { start: dateOf(validFrom), end: dateOf(validUntil) },
    }
    for (const hint of keyid === undefined ? hintsOf(spki) : [keyid]) byHint[hint] ??= key
  }
  return toTrustMaterial(TrustedRoot.fromJSON({}), byHint).publicKey
}

function dateOf(seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1000)
}

/** How cosign, and others, name a key that has no name. */
function hintsOf(spki: Uint8Array): readonly string[] {
  const digest = sha256(spki)
  return [encodeBase64(digest), encodeHex(digest)]
}
