/**
 * Who a Fulcio certificate names, and which workflow run it was issued to (Fulcio's
 * `docs/oid-info.md`): the subject alternative name, the OIDC issuer, and the extensions about the
 * build. The first generation holds bare text, later ones a DER UTF8String. All of it is Fulcio's
 * word, and only as good as the verification of the certificate.
 */
import { decodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { readDer } from '../x509/der.ts'
import { extensionValues } from '../x509/raw-extension.ts'

const FULCIO = '1.3.6.1.4.1.57264.1'
const TAG_UTF8_STRING = 0x0c

/** What a certificate says; absent where it says nothing. */
export interface FulcioIdentity {
  readonly certificate: Certificate
  /** URIs and mail addresses of the subject alternative name. */
  readonly subjects: readonly string[]
  /** The OIDC issuer that vouched for the subject. */
  readonly issuer?: string
  /** Repository that was built, as a URI. */
  readonly repository?: string
  /** Commit that was built. */
  readonly commit?: string
  /** Workflow that started the build, as a URI with its ref; a reusable one is the subject instead. */
  readonly workflow?: string
  /** Page of the run. */
  readonly run?: string
}

/**
 * Reads the leaf certificate of a bundle.
 * @throws InputError `ERR_X509_MALFORMED`.
 */
export function readFulcioIdentity(der: Uint8Array): FulcioIdentity {
  const certificate = parseCertificate(der)
  const values = extensionValues(certificate)
  const text = (arc: number): string | undefined => {
    const value = values.get(`${FULCIO}.${arc}`)
    return value === undefined ? undefined : derText(value)
  }
  const found = {
    issuer: text(8) ?? certificate.fulcioIssuer,
    repository: text(12),
    commit: text(13),
    workflow: text(18),
    run: text(21),
  }
  const said = Object.entries(found).filter(([, value]) => value !== undefined && value !== '')
  return {
    certificate,
    subjects: certificate.subjectAltNames.flatMap((name) =>
      name.kind === 'uri' || name.kind === 'email' ? [name.value] : [],
    ),
    ...(Object.fromEntries(said) as Partial<Record<keyof typeof found, string>>),
  }
}

/** An extension that is no UTF8String says nothing that we can read; that alone is no fault. */
function derText(value: Uint8Array): string | undefined {
  try {
    return decodeUtf8(readDer(value, TAG_UTF8_STRING).content)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return undefined
  }
}
