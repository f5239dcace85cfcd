/** The container of collateral: known parts, one spelling, and nothing that is not what it should be. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { decodeHex, encodeHex } from '../../../src/bytes/hex.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import {
  COLLATERAL_BYTES_MAX,
  encodeCollateral,
  parseCollateral,
} from '../../../src/payload/tee/collateral-bundle.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { collateralFromJson, collateralFromPcs } from '../../../src/payload/tee/pcs-collateral.ts'
import { encodePem } from '../../../src/x509/pem.ts'
import { makeDcap, testIntel } from '../../support/intel-pki.ts'

function reason(action: () => unknown): string {
  try {
    action()
    return 'holds'
  } catch (error) {
    if (error instanceof EvidenceError) return error.reason
    throw error
  }
}
const map = (...pairs: [CborValue, CborValue][]): Uint8Array => encodeCbor(new Map(pairs))
const one = Uint8Array.of(1)

describe('a container', () => {
  it('comes back as it was', () => {
    const { collateral } = makeDcap()
    const bytes = encodeCollateral(collateral)
    const parsed = parseCollateral(bytes)
    expect(parsed).toEqual(collateral)
    expect(encodeCollateral(parsed)).toEqual(bytes)
  })

  it('has the same bytes whatever order its parts were given in', () => {
    const { collateral } = makeDcap()
    const turned = Object.fromEntries(Object.entries(collateral).reverse())
    expect(encodeCollateral(turned)).toEqual(encodeCollateral(collateral))
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a list', encodeCbor([])],
    ['an unknown part', map(['intel-tcb', one])],
    ['a part without a name', map([1, one])],
    ['text in place of bytes', map(['intel-tcb-info', 'text'])],
    ['an empty part', map(['intel-root-crl', new Uint8Array(0)])],
    ['bytes in place of a list', map(['crls', one])],
    ['an empty list', map(['crls', []])],
    ['a list of something else', map(['crls', [one, 1]])],
    ['a long list', map(['certificates', Array.from({ length: 17 }, () => one)])],
    ['bytes behind it', Uint8Array.of(...map(['crls', [one]]), 0)],
    ['a part twice', decodeHex('a26463726c738141016463726c73814101')],
    ['a name that every object has', map(['constructor', one])],
    ['another spelling of a length', decodeHex('a16463726c7381580101')],
    ['an indefinite length', decodeHex('bf6463726c73814101ff')],
    ['too many bytes', new Uint8Array(COLLATERAL_BYTES_MAX + 1)],
  ])('is refused with %s', (_, bytes) => {
    expect(reason(() => parseCollateral(bytes))).toBe('collateral-malformed')
  })

  it('may be empty', () => {
    expect(parseCollateral(map())).toEqual({})
  })
})

describe('collateral of other software', () => {
  const { collateral } = makeDcap()
  const text = new TextDecoder()
  const pem = (chain: readonly Uint8Array[] | undefined): string =>
    (chain ?? []).map((der) => encodePem('CERTIFICATE', der)).join('')
  const files = {
    tcbInfo: collateral['intel-tcb-info']!,
    tcbInfoChain: encodeUtf8(pem(collateral['intel-tcb-info-chain'])),
    qeIdentity: collateral['intel-qe-identity']!,
    qeIdentityChain: encodeUtf8(pem(collateral['intel-qe-identity-chain'])),
    rootCrl: collateral['intel-root-crl']!,
    pckCrl: collateral['intel-pck-crl']!,
  }

  it('of PCS: lists in DER, hex or PEM', () => {
    expect(collateralFromPcs(files)).toEqual(collateral)
    const hex = encodeUtf8(encodeHex(files.rootCrl).toUpperCase())
    expect(collateralFromPcs({ ...files, rootCrl: hex })).toEqual(collateral)
    const list = encodeUtf8(encodePem('X509 CRL', files.pckCrl))
    expect(collateralFromPcs({ ...files, pckCrl: list })).toEqual(collateral)
  })

  it('of PCS: further chains', () => {
    const chain = [testIntel.pckCa.der, testIntel.root.der]
    const more = { pckCrlChain: encodeUtf8(pem(chain)), pckChain: encodeUtf8(pem(chain)) }
    expect(collateralFromPcs({ ...files, ...more })).toEqual({
      ...collateral,
      'intel-pck-crl-chain': chain,
      'intel-pck-chain': chain,
    })
    expect(reason(() => collateralFromPcs({ ...files, pckChain: encodeUtf8('x') }))).toBe(
      'chain-malformed',
    )
  })

  it('of a DCAP library, its signed bytes kept', () => {
    const split = (bytes: Uint8Array): [string, string] => {
      const found = /^\{"\w+":(.*),"signature":"(\w+)"\}$/.exec(text.decode(bytes))
      return [found![1]!, found![2]!]
    }
    const [tcbInfo, tcbInfoSignature] = split(files.tcbInfo)
    const [qeIdentity, qeIdentitySignature] = split(files.qeIdentity)
    const json = {
      tcb_info: tcbInfo,
      tcb_info_signature: tcbInfoSignature,
      tcb_info_issuer_chain: text.decode(files.tcbInfoChain),
      qe_identity: qeIdentity,
      qe_identity_signature: qeIdentitySignature,
      qe_identity_issuer_chain: text.decode(files.qeIdentityChain),
      root_ca_crl: encodeHex(files.rootCrl),
      pck_crl: encodeHex(files.pckCrl),
    }
    const bytes = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value))
    expect(collateralFromJson(bytes(json))).toEqual(collateral)
    expect(reason(() => collateralFromJson(bytes({})))).toBe('collateral-malformed')
    expect(reason(() => collateralFromJson(encodeUtf8('{')))).toBe('collateral-malformed')
    const forged = { ...json, tcb_info_signature: '","x":"' }
    expect(reason(() => collateralFromJson(bytes(forged)))).toBe('collateral-malformed')
  })
})
