/**
 * `@phala/dcap-qvl` 0.3.9 as a second opinion on Intel quotes, never on the trust path: every real vector,
 * synthetic quotes with one thing bent, and seeded mutations go through both. Each difference has to be of
 * a class that docs/evidence-intel.md lists, with who is right and why; any other fails the test.
 */
import { QuoteVerifier } from '@phala/dcap-qvl'
import type { Collateral } from '@phala/dcap-qvl'
import { describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { readCertificates } from '../../src/payload/tee/certificate-chain.ts'
import type { CollateralBundle } from '../../src/payload/tee/collateral-bundle.ts'
import { EvidenceError } from '../../src/payload/tee/evidence.ts'
import type { EvidenceFacts } from '../../src/payload/tee/evidence.ts'
import { collateralFromJson, collateralFromPcs } from '../../src/payload/tee/pcs-collateral.ts'
import { verifyDcap } from '../../src/payload/tee/verify-dcap.ts'
import { encodePem } from '../../src/x509/pem.ts'
import {
  makeDcap,
  makeIntelPki,
  svnLevel,
  tcbLevel,
  testIntel,
  type DcapOptions,
} from '../support/intel-pki.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

interface Case {
  readonly quote: Uint8Array
  readonly collateral: CollateralBundle
  readonly at: number
  /** DER of the root that counts; Intel's when absent. */
  readonly root?: Uint8Array
  readonly roots?: readonly string[]
}

/** What a verifier says: facts that both have, or why not. */
type Opinion =
  | { readonly status: string; readonly advisories: readonly string[]; readonly measured: string }
  | { readonly refused: string }

async function ours({
  quote,
  collateral,
  at,
  roots,
}: Case): Promise<Opinion & { facts?: EvidenceFacts }> {
  try {
    const pins = roots === undefined ? {} : { roots }
    const facts = await verifyDcap({ quote, collateral, at, verifier, ...pins })
    const named = facts.measurements.find(({ name }) => name === 'mrtd' || name === 'mrenclave')
    const { status = '', advisories = [] } = facts.tcb ?? {}
    return { status, advisories: [...advisories].sort(), measured: named?.value ?? '', facts }
  } catch (error) {
    if (error instanceof EvidenceError) return { refused: error.reason }
    throw error
  }
}

function theirs({ quote, collateral, at, root }: Case): Opinion {
  try {
    const judge = root === undefined ? QuoteVerifier.newProd() : QuoteVerifier.newWithRootCa(Buffer.from(root)) // prettier-ignore
    const { status, advisory_ids: advisories, report } = judge.verify(quote, asJson(collateral), at)
    const td = report.asTd10() ?? report.asTd15()?.base
    const measured = td?.mrTd ?? report.asSgx()?.mrEnclave ?? new Uint8Array()
    return { status, advisories: [...new Set(advisories)].sort(), measured: encodeHex(Uint8Array.from(measured)) } // prettier-ignore
  } catch (error) {
    return { refused: (error as Error).message }
  }
}

/** Collateral in the form that the library takes; what is missing is empty. */
function asJson(bundle: CollateralBundle): Collateral {
  const signed = (part: 'intel-tcb-info' | 'intel-qe-identity'): [string, string] => {
    const text = decodeUtf8(bundle[part] ?? new Uint8Array())
    const match = /^\{"[A-Za-z]+":(.*),"signature":"([0-9a-fA-F]*)"\}\s*$/s.exec(text)
    return [match?.[1] ?? '', match?.[2] ?? '']
  }
  const pem = (part: 'intel-tcb-info-chain' | 'intel-qe-identity-chain'): string =>
    (bundle[part] ?? bundle['intel-tcb-info-chain'] ?? []).map((der) => encodePem('CERTIFICATE', der)).join('') // prettier-ignore
  const [tcbInfo, tcbSignature] = signed('intel-tcb-info')
  const [identity, identitySignature] = signed('intel-qe-identity')
  return {
    pck_crl_issuer_chain: '',
    root_ca_crl: encodeHex(bundle['intel-root-crl'] ?? new Uint8Array()),
    pck_crl: encodeHex(bundle['intel-pck-crl'] ?? new Uint8Array()),
    tcb_info_issuer_chain: pem('intel-tcb-info-chain'),
    ...{ tcb_info: tcbInfo, tcb_info_signature: tcbSignature },
    qe_identity_issuer_chain: pem('intel-qe-identity-chain'),
    ...{ qe_identity: identity, qe_identity_signature: identitySignature },
  }
}

/** Reasons of ours for which the library has no check at all. */
const NOT_CHECKED_THERE =
  /^(?:crl-.*|certificate-role|certificate-path|chain-malformed|pceid-mismatch|tdx-module|tcb-info-malformed|qe-identity-malformed|malformed)$/
/** What the library refuses by a policy of its own, and what it is to us: a fact, or a version that is read. */
const POLICY_THERE: readonly (readonly [RegExp, (facts: EvidenceFacts) => boolean])[] = [
  [/Debug mode/, ({ debug }) => debug],
  [/mr service td/, ({ measurements }) => measurements.some(({ name }) => name === 'mrservicetd')],
  [/SGX TEE quote must have version 3/, ({ teeType }) => teeType === 'sgx'],
  [/TCB status is invalid: Revoked/, ({ tcb }) => tcb?.status === 'Revoked'],
  // All components of a TDX platform are compared there, also those that are its module's.
  [/No matching TCB level/, ({ tcb }) => tcb?.parts['platform']?.status === 'NoLevel' || tcb?.parts['module'] !== undefined], // prettier-ignore
  [/below minimum required/, ({ tcb }) => tcb?.parts['qe']?.status === 'NoLevel'],
]

/** The class of a difference; undefined where there is none, 'unexplained' where nobody knows it. */
function differenceOf(we: Opinion & { facts?: EvidenceFacts }, they: Opinion): string | undefined {
  if ('refused' in we) {
    if ('refused' in they) return undefined
    return NOT_CHECKED_THERE.test(we.refused) ? `only ours refuses: ${we.refused}` : 'unexplained'
  }
  if ('refused' in they) {
    const { refused } = they
    const known = POLICY_THERE.find(([pattern]) => pattern.test(refused))
    const isKnown = we.facts !== undefined && known?.[1](we.facts) === true
    return isKnown ? `only theirs refuses: ${refused.replace(/ \d+/g, ' n')}` : 'unexplained'
  }
  if (we.measured !== they.measured) return 'unexplained'
  if (we.status === they.status) {
    return we.advisories.join() === they.advisories.join() ? undefined : advisoriesClass(we)
  }
  return statusClass(we)
}

const hasModule = (facts: EvidenceFacts | undefined): boolean =>
  facts?.tcb?.parts['module'] !== undefined

function advisoriesClass({ facts }: { facts?: EvidenceFacts }): string {
  return hasModule(facts) ? 'the module has a level of its own: advisories' : 'unexplained'
}

function statusClass({ facts }: { facts?: EvidenceFacts }): string {
  if (hasModule(facts)) return 'the module has a level of its own: status'
  const { platform, qe } = facts?.tcb?.parts ?? {}
  // Severities are compared there; Intel joins what is wrong with either.
  if (platform?.status !== qe?.status) return 'platform and quoting enclave joined by severity'
  return 'unexplained'
}

async function compare(each: Case): Promise<{ we: Opinion; they: Opinion; difference?: string }> {
  const we = await ours(each)
  const they = theirs(each)
  const difference = differenceOf(we, they)
  return { we, they, ...(difference === undefined ? {} : { difference }) }
}

function synthetic(options: DcapOptions): Case {
  const { pki = testIntel } = options
  const { quote, collateral, roots, at } = makeDcap(options)
  return { quote, collateral, roots, at, root: pki.root.der }
}

const day = (text: string): Date => new Date(`${text}T00:00:00Z`)
const other = makeIntelPki()

/** Name, options, and the class of difference that is expected. */
const SYNTHETIC: readonly (readonly [string, DcapOptions, string | undefined])[] = [
  ...(['sgx', 'tdx'] as const).flatMap((tee) => {
    const of = (name: string, options: DcapOptions, expected?: string): [string, DcapOptions, string | undefined] => [`${tee}: ${name}`, { tee, ...options }, expected] // prettier-ignore
    const old = tee === 'tdx' ? { domain: { teeTcbSvn: '050002' } } : {}
    const level = (status: string, more: object = {}): DcapOptions => ({ ...old, tcbInfo: { tcbLevels: [tcbLevel(status, more)] } }) // prettier-ignore
    const joined = 'platform and quoting enclave joined by severity'
    return [
      of('good', old),
      of('bytes behind the quote', { ...old, trailing: new Uint8Array(70) }),
      ...['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'].map((status) => of(status, level(status, { advisoryIDs: ['INTEL-SA-1', 'INTEL-SA-2'] }))), // prettier-ignore
      of('Revoked', level('Revoked'), 'only theirs refuses: TCB status is invalid: Revoked'),
      of('below every level', level('UpToDate', { pcesvn: 99 }), 'only theirs refuses: No matching TCB level found'), // prettier-ignore
      of('debug', { ...old, debug: true }, 'only theirs refuses: Debug mode is enabled'),
      of('quoting enclave out of date', { ...old, qeIdentity: { tcbLevels: [svnLevel('OutOfDate', 8)] } }), // prettier-ignore
      of('quoting enclave out of date on a platform to be configured', { ...level('ConfigurationNeeded'), qeIdentity: { tcbLevels: [svnLevel('OutOfDate', 8)] } }, joined), // prettier-ignore
      of('quoting enclave below every level', { ...old, qeIdentity: { tcbLevels: [svnLevel('UpToDate', 9)] } }, 'only theirs refuses: QE ISVSVN n is below minimum required n from QE Identity'), // prettier-ignore
      of('signature of the quote', { ...old, afterSigning: (bytes) => mutateAt(bytes, 100) }),
      of('signature of the enclave', { ...old, qeSignature: new Uint8Array(64).fill(1) }),
      of('another attestation key vouched for', { ...old, qe: { reportData: new Uint8Array(64) } }),
      of('another quoting enclave', { ...old, qe: { mrSigner: 'ab'.repeat(32) } }),
      of('attributes of the quoting enclave', { ...old, qe: { attributes: 'ff00000000000000e7' } }),
      of('TCB info of another platform', { ...old, tcbInfo: { fmspc: '00606A000000' } }),
      of('TCB info of another PCE', { ...old, tcbInfo: { pceId: '0001' } }, 'only ours refuses: pceid-mismatch'), // prettier-ignore
      of('TCB info of the other TEE', { ...old, tcbInfo: { id: tee === 'tdx' ? 'SGX' : 'TDX' } }),
      of('TCB info of tomorrow', { ...old, tcbInfo: { issueDate: '2026-06-18T00:00:00Z' } }),
      of('TCB info of last year', { ...old, tcbInfo: { nextUpdate: '2026-05-21T00:00:00Z' } }),
      of('QE identity of last year', { ...old, qeIdentity: { nextUpdate: '2026-05-21T00:00:00Z' } }), // prettier-ignore
      of('TCB info signed by a stranger', { ...old, pki: testIntel, parts: { 'intel-tcb-info-chain': [other.tcbSigner.der, other.root.der] } }), // prettier-ignore
      of('no list of the root', { ...old, parts: { 'intel-root-crl': undefined } }, 'only ours refuses: crl-missing'), // prettier-ignore
      of('garbage for a list', { ...old, parts: { 'intel-pck-crl': Uint8Array.of(1, 2, 3) } }, 'only ours refuses: crl-malformed'), // prettier-ignore
      of('a list that ran out', { ...old, pckCrl: { nextUpdate: day('2026-01-02'), thisUpdate: day('2026-01-01') } }, 'only ours refuses: crl-expired'), // prettier-ignore
      of("a stranger's list", { ...old, pckCrl: { ca: other.pckCa } }, 'only ours refuses: crl-signature'), // prettier-ignore
      of('a revoked platform', { ...old, pckCrl: { revokePck: true } }),
      of('a chain of other keys', { ...old, pki: testIntel, parts: {}, certificationData: new Uint8Array(8) }), // prettier-ignore
    ]
  }),
  ['sgx: version 4', { version: 4 }, 'only theirs refuses: SGX TEE quote must have version n'],
  ['tdx: version 5', { tee: 'tdx', version: 5, domain: { teeTcbSvn: '050002' } }, undefined],
  ['tdx: TD 1.5 with a service domain', { tee: 'tdx', version: 5, bodyType: 3 }, 'only theirs refuses: Invalid mr service td'], // prettier-ignore
  [
    'tdx: a module with levels of its own',
    { tee: 'tdx', domain: { teeTcbSvn: '040103' } },
    // Components 0 and 1 are compared with the platform's all the same there: 4 is below 5.
    'only theirs refuses: No matching TCB level found',
  ],
  ['tdx: a module that Intel does not name', { tee: 'tdx', domain: { teeTcbSvn: '060203' } }, 'only ours refuses: tdx-module'], // prettier-ignore
  [
    'tdx: a module out of date',
    {
      tee: 'tdx',
      domain: { teeTcbSvn: '050103' },
      tcbInfo: moduleLevels(svnLevel('OutOfDate', 4)),
    },
    'the module has a level of its own: status',
  ],
  ['tdx: a signed module of another signer', { tee: 'tdx', domain: { teeTcbSvn: '050002', mrSignerSeam: '11'.repeat(48) } }, 'only ours refuses: tdx-module'], // prettier-ignore
]

function moduleLevels(level: object): Record<string, unknown> {
  const identity = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) } // prettier-ignore
  return { tdxModuleIdentities: [{ id: 'TDX_01', ...identity, tcbLevels: [level] }] }
}

function mutateAt(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = changed[at]! ^ 1
  return changed
}

describe('a second opinion on synthetic quotes', () => {
  it.each(SYNTHETIC)('%s', async (_name, options, expected) => {
    const { difference, ...opinions } = await compare(synthetic(options))
    expect(difference, JSON.stringify(opinions)).toBe(expected)
  })

  it(
    'agrees on mutated quotes and collateral, or differs for a known reason',
    async () => {
      const random = randomFrom(seed)
      const count = slow ? 4000 : 200
      const classes = new Map<string, number>()
      for (let i = 0; i < count; i++) {
        const good = synthetic({ tee: i % 2 === 0 ? 'tdx' : 'sgx', domain: { teeTcbSvn: '050002' } }) // prettier-ignore
        const { difference, ...opinions } = await compare(mutated(good, random))
        expect(difference, `seed ${seed}, ${i}: ${JSON.stringify(opinions)}`).not.toBe('unexplained') // prettier-ignore
        const name = difference ?? ('refused' in opinions.we ? 'both refuse' : 'both accept')
        classes.set(name, (classes.get(name) ?? 0) + 1)
      }
      console.info([...classes].map(([name, times]) => `${times} ${name}`).join('; '))
      expect(classes.get('both refuse') ?? 0).toBeGreaterThan(count / 3)
    },
    slow ? 600_000 : 60_000,
  )
})

const AGREED_MIN = 9
const STATUSES = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked'] as const // prettier-ignore

describe('a second opinion on levels', () => {
  it('matches the same level of a platform, whatever its versions are', async () => {
    const random = randomFrom(seed)
    const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!
    const svns = (least: number): number[] =>
      Array.from({ length: 16 }, (_, at) => (at < 3 ? least + random(4) : 0))
    const classes = new Map<string, number>()
    const agreed = (): number => classes.get('the same') ?? 0
    // Levels are random, and some seeds bring few that both accept: on until there are enough.
    for (let i = 0; i < (slow ? 1000 : 80) || (agreed() < AGREED_MIN && i < 1000); i++) {
      const isTdx = random(2) === 0
      const tcbLevels = Array.from(
        { length: 1 + random(4) },
        () =>
        tcbLevel(pick(STATUSES), { svns: svns(0), tdx: svns(0), pcesvn: random(16), advisoryIDs: [`INTEL-SA-${random(3)}`] }), // prettier-ignore
      )
      const each = synthetic({
        ...(isTdx
          ? { tee: 'tdx', domain: { teeTcbSvn: `0${1 + random(4)}000${1 + random(4)}` } }
          : {}),
        platform: { svns: svns(1), pceSvn: 8 + random(8) },
        tcbInfo: { tcbLevels },
        qeIdentity: { tcbLevels: [svnLevel(pick(STATUSES), random(10), ['INTEL-SA-9'])] },
      })
      const { difference, ...opinions } = await compare(each)
      expect(difference, `seed ${seed}, ${i}: ${JSON.stringify(opinions)}`).not.toBe('unexplained')
      classes.set(difference ?? 'the same', (classes.get(difference ?? 'the same') ?? 0) + 1)
    }
    console.info([...classes].map(([name, times]) => `${times} ${name}`).join('; '))
    expect(agreed()).toBeGreaterThanOrEqual(AGREED_MIN)
  }, 120_000)
})

const PARTS = ['intel-tcb-info', 'intel-qe-identity', 'intel-root-crl', 'intel-pck-crl'] as const

/** One mutation of the quote or of a part of the collateral; signed JSON stays signed JSON. */
function mutated(each: Case, random: (n: number) => number): Case {
  if (random(2) === 0) return { ...each, quote: mutate(each.quote, random) }
  const part = PARTS[random(PARTS.length)]!
  return { ...each, collateral: { ...each.collateral, [part]: mutate(each.collateral[part]!, random) } } // prettier-ignore
}

const read = (path: string): Uint8Array => readVector(`tee/intel/${path}`)
const seconds = (text: string): number => Date.parse(text) / 1000

function pcs(): CollateralBundle {
  const chain = read('go-tdx-guest/tcb_signing_chain.pem')
  return collateralFromPcs({
    ...{ tcbInfo: read('go-tdx-guest/tcbInfo.json'), tcbInfoChain: chain },
    ...{ qeIdentity: read('go-tdx-guest/qeIdentity.json'), qeIdentityChain: chain },
    ...{ rootCrl: read('go-tdx-guest/rootcrl.der'), pckCrl: read('go-tdx-guest/pckcrl.der') },
    pckCrlChain: read('go-tdx-guest/pckcrl_issuer_chain.pem'),
  })
}

const json = (name: string) => (): CollateralBundle => collateralFromJson(read(`dcap-qvl/${name}_quote_collateral.json`)) // prettier-ignore
const SAMPLES: readonly (readonly [
  string,
  string,
  () => CollateralBundle,
  string,
  string | undefined,
])[] = [
  ['SGX v3', 'dcap-qvl/sgx_quote.bin', json('sgx'), '2025-07-04T00:00:00Z', undefined],
  ['TDX v4', 'dcap-qvl/tdx_quote.bin', json('tdx'), '2025-07-04T00:00:00Z', undefined],
  ['TDX v4 with text behind it', 'go-tdx-guest/tdx_prod_quote_SPR_E4.dat', pcs, '2023-07-01T01:00:00Z', 'only theirs refuses: No matching TCB level found'], // prettier-ignore
  ['TDX v4, debug', 'trustee/tdx_quote_4.dat', pcs, '2023-07-01T01:00:00Z', 'only theirs refuses: Debug mode is enabled'], // prettier-ignore
]

describe.skipIf(!hasVectors)("a second opinion on Intel's own quotes", () => {
  it.each(SAMPLES)('%s', async (_name, quote, collateral, at, expected) => {
    const each = { quote: read(quote), collateral: collateral(), at: seconds(at) }
    const { difference, ...opinions } = await compare(each)
    expect(difference, JSON.stringify(opinions)).toBe(expected)
    // Expired and not yet issued: neither takes it.
    for (const time of ['2035-01-01T00:00:00Z', '2020-01-01T00:00:00Z']) {
      const { we, they } = await compare({ ...each, at: seconds(time) })
      expect([we, they], time).toMatchObject([{ refused: expect.any(String) as string }, { refused: expect.any(String) as string }]) // prettier-ignore
    }
  })

  it('every bit of a signed part counts for both', async () => {
    const quote = read('dcap-qvl/tdx_quote.bin')
    const [, , collateral, at] = SAMPLES[1]!
    const random = randomFrom(seed)
    for (let i = 0; i < 24; i++) {
      const each = { collateral: collateral(), at: seconds(at), quote: mutateAt(quote, 48 + random(584)) } // prettier-ignore
      const { we, they } = await compare(each)
      expect('refused' in we && 'refused' in they).toBe(true)
    }
    expect(readCertificates(read('go-tdx-guest/sgx_root_ca.pem'))).toHaveLength(1)
  })
})
