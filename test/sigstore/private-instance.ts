/**
 * A Sigstore instance without logs, as GitHub runs one for private repositories: an authority for
 * certificates, a timestamp authority (RFC 3161), and the root file that lists them.
 */
import { createHash, sign } from 'node:crypto'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { preAuthEncoding } from '../../src/payload/verify-dsse.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { TAG } from '../../src/x509/der.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { EKU_CODE_SIGNING, issueCertificate, makeCa } from '../support/test-pki.ts'
import type { CertificateOptions, TestCertificate } from '../support/test-pki.ts'

const SHA256 = [2, 16, 840, 1, 101, 3, 4, 2, 1]
const ECDSA_SHA256 = [1, 2, 840, 10045, 4, 3, 2]
const SIGNED_DATA = [1, 2, 840, 113549, 1, 7, 2]
const TST_INFO = [1, 2, 840, 113549, 1, 9, 16, 1, 4]
const CONTENT_TYPE = [1, 2, 840, 113549, 1, 9, 3]
const MESSAGE_DIGEST = [1, 2, 840, 113549, 1, 9, 4]
const GENERALIZED_TIME = 0x18
const CONTEXT_0 = 0xa0

export const SUBJECT = 'https://git.example/acme/app/.github/workflows/release.yml@refs/heads/main'
export const ISSUER = 'https://token.git.example'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const hash = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())
const seq = (...parts: Uint8Array[]): Uint8Array => encodeDer(TAG.sequence, ...parts)
const set = (...parts: Uint8Array[]): Uint8Array => encodeDer(TAG.set, ...parts)
const integer = (value: number): Uint8Array => encodeDer(TAG.integer, Uint8Array.of(value))
const octets = (bytes: Uint8Array): Uint8Array => encodeDer(TAG.octetString, bytes)

function oid([first = 0, second = 0, ...rest]: readonly number[]): Uint8Array {
  const content = [first * 40 + second]
  for (const arc of rest) {
    const digits = [arc % 128]
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) {
      digits.unshift((more % 128) + 128)
    }
    content.push(...digits)
  }
  return encodeDer(TAG.oid, Uint8Array.from(content))
}

/** What a bundle is made of. */
export interface BundleParts {
  readonly payload?: Uint8Array
  /** When it was timestamped; `undefined` for no timestamp. */
  readonly time?: Date | undefined
  /** What the timestamp covers instead of the signature. */
  readonly stamped?: Uint8Array
  readonly certificate?: Partial<CertificateOptions>
}

export class PrivateInstance {
  readonly #root = makeCa({ name: 'Root' })
  readonly #authority = makeCa({ name: 'Issuing', ca: this.#root, pathLength: 0 })
  readonly #stampRoot = makeCa({ name: 'Stamp root' })
  readonly #stamper: TestCertificate = issueCertificate({
    ca: this.#stampRoot,
    name: 'Stamper',
    eku: ['1.3.6.1.5.5.7.3.8'],
  })

  /** Its `trusted_root.json`; with `cut`, the chain of certificates ends before the root. */
  trustedRoot({
    cut = false,
    ...change
  }: { cut?: boolean; [name: string]: unknown } = {}): Uint8Array {
    const chain = (...certificates: TestCertificate[]) => ({
      certChain: { certificates: certificates.map(({ der }) => ({ rawBytes: base64(der) })) },
      validFor: { start: '2026-01-01T00:00:00Z' },
    })
    const issuing = cut ? [this.#authority] : [this.#authority, this.#root]
    return encodeUtf8(
      JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
        tlogs: [],
        certificateAuthorities: [{ uri: 'https://fulcio.example', ...chain(...issuing) }],
        ctlogs: [],
        timestampAuthorities: [
          { uri: 'https://stamp.example', ...chain(this.#stamper, this.#stampRoot) },
        ],
        ...change,
      }),
    )
  }

  bundle(parts: BundleParts = {}): Uint8Array {
    const time = 'time' in parts ? parts.time : new Date('2026-06-01T12:00:00Z')
    const leaf = issueCertificate({
      ca: this.#authority,
      name: '',
      notBefore: new Date('2026-06-01T11:55:00Z'),
      notAfter: new Date('2026-06-01T12:05:00Z'),
      eku: [EKU_CODE_SIGNING],
      san: { uri: [SUBJECT] },
      extensions: [{ oid: '1.3.6.1.4.1.57264.1.8', value: encodeDer(0x0c, encodeUtf8(ISSUER)) }],
      ...parts.certificate,
    })
    const payload = parts.payload ?? encodeUtf8('{}')
    const payloadType = 'application/vnd.in-toto+json'
    const signature = sign('sha256', preAuthEncoding(payloadType, payload), leaf.privateKey)
    const stamps = time === undefined ? [] : [this.#stamp(parts.stamped ?? signature, time)]
    return encodeUtf8(
      JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        verificationMaterial: {
          certificate: { rawBytes: base64(leaf.der) },
          timestampVerificationData: {
            rfc3161Timestamps: stamps.map((stamp) => ({ signedTimestamp: base64(stamp) })),
          },
        },
        dsseEnvelope: {
          payload: base64(payload),
          payloadType,
          signatures: [{ sig: base64(signature) }],
        },
      }),
    )
  }

  /** A TimeStampResp (RFC 3161 §2.4.2) over `data`. */
  #stamp(data: Uint8Array, time: Date): Uint8Array {
    const stamp = time.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
    const info = seq(
      integer(1),
      oid([1, 3, 6, 1]),
      seq(seq(oid(SHA256)), octets(hash(data))),
      integer(7),
      encodeDer(GENERALIZED_TIME, encodeUtf8(stamp)),
    )
    const attributes = concatBytes(
      seq(oid(CONTENT_TYPE), set(oid(TST_INFO))),
      seq(oid(MESSAGE_DIGEST), set(octets(hash(info)))),
    )
    const signature = sign('sha256', set(attributes), this.#stamper.privateKey)
    const { issuerDer, serial } = parseCertificate(this.#stamper.der)
    const signer = seq(
      integer(1),
      seq(issuerDer, encodeDer(TAG.integer, serial)),
      seq(oid(SHA256)),
      encodeDer(CONTEXT_0, attributes),
      seq(oid(ECDSA_SHA256)),
      octets(new Uint8Array(signature)),
    )
    const signed = seq(
      integer(3),
      set(seq(oid(SHA256))),
      seq(oid(TST_INFO), encodeDer(CONTEXT_0, octets(info))),
      set(signer),
    )
    return seq(seq(integer(0)), seq(oid(SIGNED_DATA), encodeDer(CONTEXT_0, signed)))
  }
}
