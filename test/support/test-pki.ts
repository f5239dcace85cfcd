/**
 * A certificate authority for tests: real DER by @peculiar/asn1-x509, real signatures by node:crypto.
 *
 *     const root = makeCa({ name: 'Root' })
 *     const ca = makeCa({ name: 'Issuing', ca: root, pathLength: 0 })
 *     const { der, chain, privateKey } = issueCertificate({ ca, san: { dns: ['example.com'] } })
 *
 * `chain` is leaf first and ends before the root. Everything that a well-behaved CA would not write
 * can be asked for: options default to a valid code-signing certificate.
 */
import { constants, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  GeneralSubtrees,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import { decodeHex } from '../../src/bytes/hex.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { encodePem } from '../../src/x509/pem.ts'

export type TestKeyAlgorithm =
  'P-256' | 'P-384' | 'P-521' | 'RSA-2048' | 'RSA-3072' | 'RSA-1024' | 'Ed25519'
export type TestSignature = 'default' | 'pss' | 'sha1' | 'sha384' | 'sha512'

export interface TestNames {
  readonly dns?: readonly string[]
  readonly email?: readonly string[]
  readonly uri?: readonly string[]
  /** Dotted address, or with a prefix length in name constraints. */
  readonly ip?: readonly string[]
  readonly directory?: readonly SubjectAttributes[]
  readonly registeredId?: readonly string[]
}
/** Attributes by label or object identifier; a value may be a list for a repeated attribute. */
export type SubjectAttributes = Readonly<Record<string, string | readonly string[]>>

export interface TestExtension {
  readonly oid: string
  readonly critical?: boolean
  readonly value: Uint8Array
}

export interface CertificateOptions {
  readonly ca?: TestCertificate
  readonly keyAlg?: TestKeyAlgorithm
  /** Use this key pair instead of a new one. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly name?: string
  readonly subject?: SubjectAttributes
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly isCa?: boolean
  /** `false` leaves basicConstraints out. */
  readonly basicConstraints?: boolean
  readonly pathLength?: number
  readonly keyUsage?: readonly (keyof typeof KeyUsageFlags)[] | 'none'
  readonly eku?: readonly string[]
  readonly san?: TestNames
  readonly permitted?: TestNames
  readonly excluded?: TestNames
  readonly extensions?: readonly TestExtension[]
  /** How the issuer signs. */
  readonly signature?: TestSignature
  readonly version?: 1 | 3
}

export interface TestCertificate {
  readonly der: Uint8Array
  readonly certificatePem: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** DER, leaf first, without the root; for a root itself, the root. */
  readonly chain: readonly Uint8Array[]
  readonly root: TestCertificate
}

export const TEST_NOT_BEFORE: Date = new Date('2026-01-01T00:00:00Z')
export const TEST_NOT_AFTER: Date = new Date('2027-01-01T00:00:00Z')
/** A time at which default certificates are valid. */
export const TEST_NOW: number = Date.parse('2026-06-01T00:00:00Z') / 1000
export const EKU_CODE_SIGNING = '1.3.6.1.5.5.7.3.3'

const LABELS: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  C: '2.5.4.6',
  STREET: '2.5.4.9',
  emailAddress: '1.2.840.113549.1.9.1',
}

let serial = 0

export function generateTestKeys(algorithm: TestKeyAlgorithm): {
  publicKey: KeyObject
  privateKey: KeyObject
} {
  if (algorithm === 'Ed25519') return generateKeyPairSync('ed25519')
  if (algorithm.startsWith('RSA-')) {
    return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(4)) })
  }
  return generateKeyPairSync('ec', { namedCurve: algorithm })
}

export function testName(attributes: SubjectAttributes): Name {
  const name = new Name()
  for (const [key, values] of Object.entries(attributes)) {
    for (const value of typeof values === 'string' ? [values] : values) {
      const attribute = new AttributeTypeAndValue({
        type: LABELS[key] ?? key,
        value: new AttributeValue(
          key === 'emailAddress' ? { ia5String: value } : { utf8String: value },
        ),
      })
      name.push(new RelativeDistinguishedName([attribute]))
    }
  }
  return name
}

function generalNames(names: TestNames): GeneralName[] {
  return [
    ...(names.email ?? []).map((rfc822Name) => new GeneralName({ rfc822Name })),
    ...(names.dns ?? []).map((dNSName) => new GeneralName({ dNSName })),
    ...(names.uri ?? []).map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
    ...(names.ip ?? []).map((iPAddress) => new GeneralName({ iPAddress })),
    ...(names.directory ?? []).map((dn) => new GeneralName({ directoryName: testName(dn) })),
    ...(names.registeredId ?? []).map((registeredID) => new GeneralName({ registeredID })),
  ]
}

function extension(oid: string, critical: boolean, value: object): Extension {
  return new Extension({
    extnID: oid,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  })
}

function keyUsage(names: readonly (keyof typeof KeyUsageFlags)[]): Uint8Array {
  // Named bit lists drop trailing zeros in DER, which the library does not do.
  const bits = Array.from({ length: 16 }, () => 0)
  for (const name of names) bits[Math.log2(KeyUsageFlags[name])] = 1
  const used = bits.lastIndexOf(1) + 1
  const bytes = [0, 1].map((i) => Number(`0b${bits.slice(8 * i, 8 * i + 8).join('')}`))
  const length = Math.ceil(used / 8)
  return encodeDer(3, Uint8Array.of(length * 8 - used, ...bytes.slice(0, length)))
}

function subtrees(names: TestNames | undefined): GeneralSubtrees | undefined {
  if (names === undefined) return undefined
  return new GeneralSubtrees(generalNames(names).map((base) => new GeneralSubtree({ base })))
}

function buildExtensions(options: CertificateOptions): Extension[] {
  const list: Extension[] = []
  const isCa = options.isCa ?? false
  if (options.basicConstraints !== false) {
    const pathLenConstraint = options.pathLength
    const value = new BasicConstraints({
      cA: isCa,
      ...(pathLenConstraint === undefined ? {} : { pathLenConstraint }),
    })
    list.push(extension('2.5.29.19', true, value))
  }
  const usage = options.keyUsage ?? (isCa ? ['keyCertSign', 'cRLSign'] : ['digitalSignature'])
  if (usage !== 'none') {
    const extnValue = new OctetString(keyUsage(usage))
    list.push(new Extension({ extnID: '2.5.29.15', critical: true, extnValue }))
  }
  if (options.eku) list.push(extension('2.5.29.37', false, new ExtendedKeyUsage([...options.eku])))
  if (options.san) {
    list.push(extension('2.5.29.17', false, new GeneralNames(generalNames(options.san))))
  }
  if (options.permitted !== undefined || options.excluded !== undefined) {
    const value = new NameConstraints()
    const permittedSubtrees = subtrees(options.permitted)
    const excludedSubtrees = subtrees(options.excluded)
    if (permittedSubtrees) value.permittedSubtrees = permittedSubtrees
    if (excludedSubtrees) value.excludedSubtrees = excludedSubtrees
    list.push(extension('2.5.29.30', true, value))
  }
  for (const { oid, critical, value } of options.extensions ?? []) {
    const extnValue = new OctetString(value)
    list.push(new Extension({ extnID: oid, critical: critical ?? false, extnValue }))
  }
  return list
}

interface SignerFacts {
  readonly algorithm: AlgorithmIdentifier
  readonly sign: (data: Uint8Array) => Uint8Array
}

const NULL_PARAMETERS = Uint8Array.of(5, 0)
const PSS_PARAMETERS: Readonly<Record<'sha256' | 'sha384' | 'sha512', [string, number]>> = {
  sha256: ['01', 32],
  sha384: ['02', 48],
  sha512: ['03', 64],
}

/** RSASSA-PSS-params (RFC 4055) with the hash, MGF1 with the same hash and a salt of its length. */
function pssParameters(hash: 'sha256' | 'sha384' | 'sha512'): Uint8Array {
  const [suffix, saltLength] = PSS_PARAMETERS[hash]
  const hashId = decodeHex(`300d06096086480165030402${suffix}0500`)
  const mgf1 = encodeDer(0x30, decodeHex('06092a864886f70d010108'), hashId)
  const salt = encodeDer(0xa2, encodeDer(2, Uint8Array.of(saltLength)))
  return encodeDer(0x30, encodeDer(0xa0, hashId), encodeDer(0xa1, mgf1), salt)
}

function signerFacts(key: KeyObject, how: TestSignature): SignerFacts {
  if (key.asymmetricKeyType === 'ed25519') {
    return {
      algorithm: new AlgorithmIdentifier({ algorithm: '1.3.101.112' }),
      sign: (data) => sign(null, data, key),
    }
  }
  const hash = how === 'default' || how === 'pss' ? 'sha256' : how
  if (key.asymmetricKeyType === 'ec') {
    const arcs = { sha1: '1', sha256: '4.3.2', sha384: '4.3.3', sha512: '4.3.4' }
    const algorithm = hash === 'sha1' ? '1.2.840.10045.4.1' : `1.2.840.10045.${arcs[hash]}`
    return {
      algorithm: new AlgorithmIdentifier({ algorithm }),
      sign: (data) => sign(hash, data, key),
    }
  }
  if (how === 'pss') {
    return {
      algorithm: new AlgorithmIdentifier({
        algorithm: '1.2.840.113549.1.1.10',
        parameters: new Uint8Array(pssParameters('sha256')).buffer,
      }),
      sign: (data) =>
        sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    }
  }
  const arcs = { sha1: '5', sha256: '11', sha384: '12', sha512: '13' }
  return {
    algorithm: new AlgorithmIdentifier({
      algorithm: `1.2.840.113549.1.1.${arcs[hash]}`,
      parameters: NULL_PARAMETERS.buffer,
    }),
    sign: (data) => sign(hash, data, key),
  }
}

/** Signs (again) a TBSCertificate; for tests that alter one. */
export function signTbs(
  tbs: Uint8Array,
  issuerKey: KeyObject,
  how: TestSignature = 'default',
): Uint8Array {
  const facts = signerFacts(issuerKey, how)
  const algorithm = new Uint8Array(AsnConvert.serialize(facts.algorithm))
  const bits = encodeDer(3, Uint8Array.of(0), facts.sign(tbs))
  return encodeDer(0x30, tbs, algorithm, bits)
}

function issuerName(ca: TestCertificate | undefined, subject: Name): Name {
  return ca === undefined ? subject : AsnConvert.parse(ca.der, Certificate).tbsCertificate.subject
}

/** Issues a certificate; without `ca` it is self-signed. */
export function issueCertificate(options: CertificateOptions): TestCertificate {
  const { privateKey, publicKey } = options.keys ?? generateTestKeys(options.keyAlg ?? 'P-256')
  const { ca } = options
  const how = options.signature ?? 'default'
  const issuerKey = ca?.privateKey ?? privateKey
  const subject = testName(options.subject ?? { O: 'Test', CN: options.name ?? 'Leaf' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  serial++
  const tbs = new TBSCertificate({
    serialNumber: Uint8Array.of(1, Math.floor(serial / 256), serial % 256).buffer,
    signature: signerFacts(issuerKey, how).algorithm,
    issuer: issuerName(ca, subject),
    validity: new Validity(),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
  })
  tbs.validity.notBefore = new Time(options.notBefore ?? TEST_NOT_BEFORE)
  tbs.validity.notAfter = new Time(options.notAfter ?? TEST_NOT_AFTER)
  if (options.version !== 1) {
    tbs.version = Version.v3
    tbs.extensions = new Extensions(buildExtensions(options))
  }
  const der = signTbs(new Uint8Array(AsnConvert.serialize(tbs)), issuerKey, how)
  return {
    der,
    certificatePem: encodePem('CERTIFICATE', der),
    privateKey,
    publicKey,
    chain: ca === undefined || ca === ca.root ? [der] : [der, ...ca.chain],
    get root(): TestCertificate {
      return ca === undefined ? this : ca.root
    },
  }
}

/** A CA certificate: a root without `ca`, else an intermediate. */
export function makeCa(options: CertificateOptions = {}): TestCertificate {
  return issueCertificate({ name: 'Test CA', isCa: true, ...options })
}
