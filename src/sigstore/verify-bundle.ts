/**
 * Verifies one Sigstore bundle under a trusted root with `@sigstore/verify`: certificate path and SCT,
 * log entries and timestamps, signature. The library reads leniently, so the strict reader goes first
 * and both have to have seen the same bytes; it never reads a clock, so an answer is for ever.
 */
import { bundleFromJSON } from '@sigstore/bundle'
import type { Bundle } from '@sigstore/bundle'
import { toSignedEntity, Verifier } from '@sigstore/verify'
import { decodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { BundleKey, InnerIdentity } from '../payload/bundle-verifier.ts'
import { parseSigstoreBundle } from '../payload/sigstore-bundle.ts'
import type { SigstoreBundle } from '../payload/sigstore-bundle.ts'
import { keyFinder, readTrustRoots } from './trust-material.ts'
import type { TrustRoot } from './trust-material.ts'

export interface VerifyBundleRequest {
  readonly bundle: Uint8Array
  readonly trustedRoot: Uint8Array
  readonly keys?: readonly BundleKey[]
}

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** Names of logs in a checkpoint; the library takes them for regular expressions. */
const NOTE_NAME = /^[A-Za-z0-9._:/-]{1,256}$/

/** Verifies bundles; keeps the roots that it has read. */
export class BundleChecker {
  readonly #roots = new Map<string, readonly TrustRoot[]>()

  /**
   * Verifies a bundle under one of the roots of the file.
   * @throws VerificationError `ERR_INNER_SIGNATURE` that says what does not hold.
   * @throws InputError `ERR_TRUST_CONFIGURATION` when the file holds no root that can be used.
   */
  verify({ bundle: bytes, trustedRoot, keys = [] }: VerifyBundleRequest): InnerIdentity {
    const roots = this.#rootsOf(trustedRoot)
    return asRefusal(() => {
      const bundle = parseSigstoreBundle(bytes)
      assertVerifiable(bundle)
      const library = bundleFromJSON(JSON.parse(decodeUtf8(bytes)))
      assertSameReading(bundle, library)
      let failure: unknown
      const publicKey = keyFinder(keys)
      for (const root of roots) {
        try {
          const material = { ...root.material, publicKey }
          new Verifier(material, root.thresholds).verify(toSignedEntity(library))
          return identityOf(bundle)
        } catch (error) {
          failure = error
        }
      }
      throw failure
    })
  }

  #rootsOf(trustedRoot: Uint8Array): readonly TrustRoot[] {
    const name = encodeHex(sha256(trustedRoot))
    const roots = this.#roots.get(name) ?? readTrustRoots(trustedRoot)
    // Roots change with a governance statement, a few times a year.
    if (this.#roots.size >= ROOTS_MAX) this.#roots.clear()
    this.#roots.set(name, roots)
    return roots
  }
}

const ROOTS_MAX = 64

/** The library throws errors of many kinds on hostile bytes; all of them mean "does not verify". */
function asRefusal(work: () => InnerIdentity): InnerIdentity {
  try {
    return work()
  } catch (cause) {
    const { message } = cause as Error
    throw new VerificationError(
      'ERR_INNER_SIGNATURE',
      `the Sigstore bundle does not verify: ${describeFailure(cause, message)}`,
      { cause },
    )
  }
}

/** The library's code says which layer: `CERTIFICATE_ERROR`, `TLOG_BODY_ERROR` … */
function describeFailure(cause: unknown, message: string): string {
  const code = (cause as { readonly code?: unknown }).code
  return typeof code === 'string' && !(cause instanceof InputError)
    ? `${message} (${code})`
    : message
}

/** What the library does not look at, or should not get to see. */
function assertVerifiable({ content, signer, logEntries }: SigstoreBundle): void {
  if (content.kind === 'message') {
    throw new Error('its signature covers an artifact that is not here; only DSSE can be verified')
  }
  for (const { checkpoint } of logEntries) {
    for (const line of checkpoint?.split('\n') ?? []) {
      if (!line.startsWith('\u2014 ')) continue
      if (!NOTE_NAME.test(line.slice(2).split(' ', 1)[0]!)) {
        throw new Error('its checkpoint is signed under a name that is none')
      }
    }
  }
  if (signer.kind !== 'certificate') return
  const { isCa, extendedKeyUsage, unknownCritical } = signer.identity.certificate
  if (isCa) throw new Error('its certificate is that of an authority')
  if (extendedKeyUsage?.includes(CODE_SIGNING) !== true) {
    throw new Error('its certificate is not for code signing')
  }
  if (unknownCritical.length > 0)
    throw new Error('its certificate has an unknown critical extension')
}

/** What was described, and what policies look at, is what the library verifies. */
function assertSameReading({ content, signer }: SigstoreBundle, library: Bundle): void {
  const read = library.content
  const isSame =
    content.kind === 'dsse' &&
    read.$case === 'dsseEnvelope' &&
    read.dsseEnvelope.payloadType === content.envelope.payloadType &&
    equalBytes(read.dsseEnvelope.payload, content.envelope.payload) &&
    equalBytes(firstSignature(read.dsseEnvelope), content.envelope.signatures[0]!.signature) &&
    isSameSigner(signer, library)
  if (!isSame) throw new Error('two readers see different things in it')
}

function firstSignature({
  signatures,
}: {
  readonly signatures: readonly { readonly sig: Uint8Array }[]
}): Uint8Array {
  return signatures[0]?.sig ?? new Uint8Array()
}

function isSameSigner(signer: SigstoreBundle['signer'], library: Bundle): boolean {
  const { content } = library.verificationMaterial
  switch (content.$case) {
    case 'publicKey':
      return signer.kind === 'public-key' && signer.hint === content.publicKey.hint
    case 'certificate':
      return signer.kind === 'certificate' && equalBytes(signer.der, content.certificate.rawBytes)
    case 'x509CertificateChain': {
      const [leaf] = content.x509CertificateChain.certificates
      return (
        signer.kind === 'certificate' && leaf !== undefined && equalBytes(signer.der, leaf.rawBytes)
      )
    }
  }
}

function identityOf({ signer }: SigstoreBundle): InnerIdentity {
  if (signer.kind === 'public-key') return {}
  const { subjects, issuer } = signer.identity
  return {
    ...(subjects[0] === undefined ? {} : { subject: subjects[0] }),
    ...(issuer === undefined ? {} : { issuer }),
    certificateSha256: encodeHex(sha256(signer.der)),
  }
}
