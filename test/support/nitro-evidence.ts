/** A fake AWS: a root, regional, zonal and instance CAs on P-384, and Nitro documents by their leaves. */
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { CborMap, CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { signSign1 } from '../../src/cose/sign1.ts'
import { issueCertificate, makeCa, TEST_NOW, type TestCertificate } from './test-pki.ts'
import { signerFor } from './test-signer.ts'

export interface NitroPki {
  readonly root: TestCertificate
  readonly region: TestCertificate
  readonly leaf: TestCertificate
  readonly roots: readonly string[]
}

const P384 = { keyAlg: 'P-384', signature: 'sha384' } as const
const LEAF_SECONDS = 3 * 3600

export function makeNitroPki(leafFrom: number = TEST_NOW): NitroPki {
  const root = makeCa({ ...P384, name: 'aws.nitro-enclaves' })
  const region = makeCa({ ...P384, ca: root, name: 'region.aws.nitro-enclaves' })
  return {
    root,
    region,
    leaf: makeLeaf(region, leafFrom),
    roots: [encodeHex(sha256(root.der))],
  }
}

function makeLeaf(ca: TestCertificate, from: number): TestCertificate {
  const notBefore = new Date(from * 1000)
  const notAfter = new Date((from + LEAF_SECONDS) * 1000)
  return issueCertificate({ ...P384, ca, name: 'i-0.aws', notBefore, notAfter })
}

export interface NitroOptions {
  readonly timestamp?: CborValue
  readonly pcrs?: CborValue
  readonly members?: Readonly<Record<string, CborValue>>
  readonly without?: readonly string[]
  readonly signWith?: TestCertificate
  readonly algorithm?: string
  /** Payload with an indefinite map, as firmware since 2025 writes it. */
  readonly indefinite?: boolean
  readonly tagged?: boolean
  readonly payload?: Uint8Array
}

export const PCRS: ReadonlyMap<CborValue, CborValue> = new Map(
  Array.from({ length: 16 }, (_, i) => [i, new Uint8Array(48).fill(i < 3 ? i + 1 : 0)]),
)

/** A document by the leaf. */
export async function makeNitroDocument(
  pki: NitroPki,
  options: NitroOptions = {},
): Promise<Uint8Array> {
  const members = new Map<CborValue, CborValue>(
    Object.entries({
      module_id: 'i-0-enc0',
      digest: 'SHA384',
      timestamp: options.timestamp ?? TEST_NOW * 1000 + 5,
      pcrs: options.pcrs ?? PCRS,
      certificate: pki.leaf.der,
      cabundle: [pki.root.der, pki.region.der],
      public_key: null,
      user_data: new Uint8Array(32).fill(5),
      nonce: new Uint8Array(32).fill(6),
      ...options.members,
    }).filter(([name]) => options.without?.includes(name) !== true),
  )
  const payload =
    options.payload ?? (options.indefinite === true ? indefinite(members) : encodeCbor(members))
  const { privateKey, publicKey } = options.signWith ?? pki.leaf
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const signer = signerFor(options.algorithm ?? 'ES384', privateKey, publicKeyFromSpki(spki))
  const message = await signSign1({ protectedHeader: new Map(), payload, signer })
  return options.tagged === true ? message : message.subarray(1)
}

function indefinite(map: CborMap): Uint8Array {
  const parts = [...map].flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)])
  return concatBytes(Uint8Array.of(0xbf), ...parts, Uint8Array.of(0xff))
}
