/** Statements signed by an attested key, as Microsoft's services make them, over a fake AMD and endorser. */
import { sha256 } from '../../src/bytes/digest.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { CborTag, type CborMap, type CborValue } from '../../src/cbor/decode.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { signSign1 } from '../../src/cose/sign1.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { keyThumbprint, requiredMembers } from '../../src/cose/thumbprint.ts'
import type { AttestedRoots } from '../../src/payload/tee/attested-statement.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport, type AmdPki } from './amd-evidence.ts'
import { issueCertificate, makeCa, TEST_NOW, type TestCertificate } from './test-pki.ts'
import { signerFor, testSigner } from './test-signer.ts'

export const EKU = '1.3.6.1.4.1.311.76.59.1.2'
export const MEASUREMENT: Uint8Array = new Uint8Array(48).fill(0x4d)

/** Everybody whose word an attested statement rests on. */
export interface AttestedWorld {
  readonly amd: AmdPki
  readonly vcek: TestCertificate
  readonly endorserRoot: TestCertificate
  readonly endorser: TestCertificate
  readonly roots: AttestedRoots
  readonly did: string
}

export function makeAttestedWorld(): AttestedWorld {
  const amd = makeAmdPki()
  const endorserRoot = makeCa({ keyAlg: 'RSA-2048', name: 'Endorser Root' })
  const endorser = issueCertificate({
    ca: endorserRoot,
    keyAlg: 'RSA-2048',
    name: 'Endorser',
    eku: [EKU],
    notAfter: new Date((TEST_NOW - 86_400) * 1000),
  })
  const fingerprint = sha256(endorserRoot.der)
  const did = `did:x509:0:sha256:${encodeBase64url(fingerprint)}::eku:${EKU}`
  return {
    amd,
    vcek: makeSnpKey(amd),
    endorserRoot,
    endorser,
    roots: { amd: amd.roots, endorsers: [{ did, feed: 'ContainerPlat-AMD-UVM' }] },
    did,
  }
}

export interface EndorsementOptions {
  readonly measurement?: Uint8Array
  readonly signedAt?: number | null
  readonly did?: string
  readonly payload?: Uint8Array
  readonly signWith?: TestCertificate
  readonly chain?: readonly TestCertificate[]
  /** With CWT claims and the measurement as a hash envelope, as newer ones come. */
  readonly modern?: boolean
  readonly header?: CborMap
}

/** An endorsement of the utility VM's measurement. */
export async function makeEndorsement(
  world: AttestedWorld,
  options: EndorsementOptions = {},
): Promise<Uint8Array> {
  const measurement = options.measurement ?? MEASUREMENT
  const signedAt = options.signedAt === undefined ? TEST_NOW - 30 * 86_400 : options.signedAt
  const chain = options.chain ?? [world.endorser, world.endorserRoot]
  const did = options.did ?? world.did
  const json = JSON.stringify({
    'x-ms-sevsnpvm-guestsvn': '101',
    'x-ms-sevsnpvm-launchmeasurement': encodeHex(measurement),
  })
  const time = signedAt === null ? undefined : new CborTag(1, signedAt)
  const claims: [CborValue, CborValue][] =
    options.modern === true
      ? [
          [
            15,
            new Map<CborValue, CborValue>([
              [1, did],
              [2, 'ContainerPlat-AMD-UVM'],
              ['svn', 101],
              [6, signedAt ?? 0],
            ]),
          ],
          [258, -43],
        ]
      : [
          [3, 'application/json'],
          ['iss', did],
          ['feed', 'ContainerPlat-AMD-UVM'],
          ...(time === undefined ? [] : [['signingtime', time] as [CborValue, CborValue]]),
        ]
  const header = new Map<CborValue, CborValue>([
    [33, chain.map(({ der }) => der)],
    ...claims,
    ...(options.header ?? []),
  ])
  const { privateKey, publicKey } = options.signWith ?? world.endorser
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const signer = signerFor('PS384', privateKey, publicKeyFromSpki(spki))
  const payload = options.payload ?? (options.modern === true ? measurement : encodeUtf8(json))
  return signSign1({ protectedHeader: header, payload, signer })
}

export interface AttestedOptions {
  readonly signer?: Signer
  /** Key in the header, where it is not the signer's. */
  readonly headerKey?: Signer
  readonly headerName?: string
  readonly issuer?: string
  readonly keyId?: Uint8Array
  readonly report?: Uint8Array
  readonly certificates?: readonly TestCertificate[]
  readonly endorsement?: Uint8Array
  readonly members?: Readonly<Record<string, CborValue>>
  readonly without?: readonly string[]
  readonly header?: CborMap
  readonly svn?: CborValue
  readonly payload?: Uint8Array
}

/** Report data that binds a key: its digest, and zeros. */
export function keyReportData({ publicKey }: Signer): Uint8Array {
  return concatBytes(keyThumbprint(publicKey), new Uint8Array(32))
}

/** An attested statement. */
export async function makeAttestedStatement(
  world: AttestedWorld,
  options: AttestedOptions = {},
): Promise<Uint8Array> {
  const signer = options.signer ?? testSigner('ES384')
  const named = options.headerKey ?? signer
  const name = options.headerName ?? 'attestedsvc'
  const certificates = options.certificates ?? [world.vcek, world.amd.ask, world.amd.ark]
  const members = new Map<CborValue, CborValue>(
    Object.entries({
      svc_id: 'example-svc',
      attestation:
        options.report ?? makeSnpReport(world.vcek, { reportData: keyReportData(named) }),
      attestation_type: 'SEV-SNP:ContainerPlat-AMD-UVM',
      snp_endorsements: encodeUtf8(certificates.map((c) => c.certificatePem).join('')),
      uvm_endorsements: options.endorsement ?? (await makeEndorsement(world)),
      cose_key: new Map<CborValue, CborValue>(requiredMembers(named.publicKey)),
      ver: 0,
      ...options.members,
    }).filter(([member]) => options.without?.includes(member) !== true),
  )
  const claims = new Map<CborValue, CborValue>([
    [1, options.issuer ?? 'did:attestedsvc:example-svc::account:profile'],
    [2, 'test'],
    ...(options.svn === undefined ? [] : [['svn', options.svn] as [CborValue, CborValue]]),
  ])
  return signSign1({
    protectedHeader: new Map<CborValue, CborValue>([
      [2, [name]],
      [3, 'application/json'],
      [4, options.keyId ?? keyThumbprint(named.publicKey)],
      [15, claims],
      [name, members],
      ...(options.header ?? []),
    ]),
    payload: options.payload ?? encodeUtf8('{"foo": "bar"}'),
    signer,
  })
}
