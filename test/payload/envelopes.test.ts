/** What wraps what, under which media types, and where the pointers of refusals lead. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { PayloadError } from '../../src/errors.ts'
import { findEnvelopes } from '../../src/payload/envelope-files.ts'
import { envelopeForm, openEnvelope, readEnvelopes } from '../../src/payload/envelopes.ts'
import { splitJsonLines } from '../../src/payload/json-lines.ts'
import { findMember, listItems } from '../../src/payload/json-slice.ts'
import { parseSigstoreBundle } from '../../src/payload/sigstore-bundle.ts'
import { readPayloadFacts } from '../../src/payload/registration-facts.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { provenance } from '../policy/fixture.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'
import { alter, readSamples } from '../sigstore/samples.ts'
import type { BundleJson, BundleSample } from '../sigstore/samples.ts'

const samples = hasVectors ? readSamples() : []
const [bcr, publish, npm] = samples as [BundleSample, BundleSample, BundleSample]
const DSSE = { payload: 'e30=', payloadType: 'x', signatures: [{ sig: 'AAAA', keyid: 'k' }] }
const dsse = encodeUtf8(JSON.stringify(DSSE))

function refusal(work: () => unknown): PayloadError {
  try {
    work()
  } catch (error) {
    if (error instanceof PayloadError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('envelopeForm', () => {
  it.each([
    ['application/vnd.dev.sigstore.bundle.v0.3+json', 'bundle'],
    ['application/vnd.dev.sigstore.bundle+json;version=0.1', 'bundle'],
    ['Application/vnd.dev.sigstore.bundle+JSON; version="0.2"', 'bundle'],
    ['application/vnd.in-toto+dsse', 'dsse'],
    ['application/vnd.in-toto.provenance+dsse', 'dsse'],
    ['application/vnd.dsse.envelope.v1+json', 'dsse'],
    ['application/vnd.dsse+json', 'dsse'],
    ['application/vnd.in-toto.bundle', 'lines'],
    ['application/vnd.in-toto+json', undefined],
    ['application/json', undefined],
    ['application/vnd.dev.sigstore.trustedroot+json', undefined],
    ['', undefined],
  ])('%s: %s', (type, form) => {
    expect(envelopeForm(type)).toBe(form)
  })
})

describe('openEnvelope', () => {
  it('opens a DSSE envelope under its own type and under JSON types', () => {
    for (const type of ['application/vnd.in-toto+dsse', 'application/json']) {
      expect(openEnvelope(type, dsse)).toEqual({
        kind: 'dsse',
        statementBytes: encodeUtf8('{}'),
        statementType: 'x',
        statementPointer: '/payload',
        digests: [],
        attributes: [{ name: 'inner-key', value: 'k' }],
        numbers: [],
        findings: [],
      })
    }
  })

  it('leaves other payloads alone', () => {
    expect(openEnvelope('text/plain', dsse)).toBeUndefined()
    expect(openEnvelope('application/json', encodeUtf8('{"payloadType":1}'))).toBeUndefined()
    expect(openEnvelope('application/json', encodeUtf8('{"payloadType":'))).toBeUndefined()
    expect(openEnvelope('application/json', new Uint8Array())).toBeUndefined()
  })

  it('says so when an inline certificate identifies nobody', () => {
    const signatures = [{ sig: 'AAAA', cert: '-----BEGIN CERTIFICATE-----' }]
    const bytes = encodeUtf8(JSON.stringify({ ...DSSE, signatures }))
    const opened = openEnvelope('application/vnd.in-toto+dsse', bytes)
    expect(opened?.attributes).toEqual([])
    expect(opened?.findings).toMatchObject([
      { code: 'inline-certificate', pointer: '/signatures/0/cert' },
    ])
  })

  it('names the signers of all lines, and describes none of several', () => {
    const lines = encodeUtf8(`${JSON.stringify(DSSE)}\r\n\n ${JSON.stringify(DSSE)} `)
    const opened = openEnvelope('application/vnd.in-toto.bundle', lines)
    expect(opened).toMatchObject({ kind: 'lines', findings: [{ code: 'several-envelopes' }] })
    expect(opened?.statementBytes).toBeUndefined()
    const one = openEnvelope('application/vnd.in-toto.bundle', dsse)
    expect(one?.statementBytes).toEqual(encodeUtf8('{}'))
  })

  it('refuses lines that are none, or too many', () => {
    const read = (text: string) =>
      refusal(() => readEnvelopes('application/vnd.in-toto.bundle', encodeUtf8(text))).pointer
    expect(read('')).toBe('')
    expect(read(`${JSON.stringify(DSSE)}\n{}`)).toBe('/1')
    expect(read(`${JSON.stringify(DSSE)}\n`.repeat(257))).toBe('')
  })
})

describe('facts that rules look at', () => {
  const wrapped = (inner: unknown): Uint8Array => {
    const payload = Buffer.from(JSON.stringify(inner)).toString('base64')
    const payloadType = 'application/vnd.in-toto+json'
    return encodeUtf8(JSON.stringify({ ...DSSE, payload, payloadType }))
  }
  const factsOf = async (payload: Uint8Array, change: object = {}) => {
    const contentType = 'application/vnd.in-toto+dsse'
    const request = { payload, issuer: 'i', subject: 's', contentType, signer: testSigner() }
    return readPayloadFacts(parseSignedStatement(await signStatement({ ...request, ...change })))
  }

  it('are those of the wrapped Statement, which a rule is about too', async () => {
    const facts = await factsOf(wrapped(provenance()))
    expect(facts).toMatchObject({
      kind: 'in-toto',
      statement: { predicateType: 'https://slsa.dev/provenance/v1' },
    })
    for (const contentType of ['application/json', 'application/vnd.in-toto.bundle']) {
      expect(await factsOf(wrapped(provenance()), { contentType })).toEqual(facts)
    }
  })

  it('are malformed when the wrapped Statement is', async () => {
    const facts = await factsOf(wrapped({ _type: 'https://in-toto.io/Statement/v1' }))
    expect(facts).toMatchObject({ kind: 'malformed', pointer: '/payload' })
  })

  it('are withheld like those of a Statement when only a digest was signed', async () => {
    const facts = await factsOf(wrapped(provenance()), { hash: 'SHA-256' })
    expect(facts).toEqual({ kind: 'withheld', declaredInToto: true })
  })

  it('are those of JSON where an envelope is broken or holds something else', async () => {
    expect((await factsOf(dsse)).kind).toBe('json')
    expect((await factsOf(encodeUtf8('{"payload":1}'))).kind).toBe('json')
  })
})

describe('splitJsonLines', () => {
  it('cuts lines out as they are', () => {
    const lines = splitJsonLines(encodeUtf8('\n {"a": 1}\t\r\n\n{"b":2}'))
    expect(lines.map(({ bytes, pointer }) => [new TextDecoder().decode(bytes), pointer])).toEqual([
      ['{"a": 1}', '/0'],
      ['{"b":2}', '/1'],
    ])
  })
})

describe('JSON slices', () => {
  const text = ' { "a" : [ {"x": "}]\\"" } , 1.5e3,true, [[ ]], "s" ], "b\\u0063":{} , "n": null } '
  it('are the text between the same places', () => {
    const list = findMember(text, 'a')!
    const items = listItems(text, list.start).map(({ start, end }) => text.slice(start, end))
    expect(items).toEqual(['{"x": "}]\\"" }', '1.5e3', 'true', '[[ ]]', '"s"'])
    const { start, end } = findMember(text, 'bc')!
    expect(text.slice(start, end)).toBe('{}')
    expect(findMember(text, 'c')).toBeUndefined()
    expect(listItems('1', 0)).toEqual([])
  })
})

describe.skipIf(!hasVectors)('real files', () => {
  it('are cut into their bundles byte by byte', () => {
    const file = readVector('sigstore/npm-attestations-provenance-npm-test-cli-v1.json')
    const text = new TextDecoder().decode(file)
    for (const { envelope } of findEnvelopes(file)) {
      expect(text).toContain(new TextDecoder().decode(envelope.bytes))
    }
  })

  it('may be an answer of GitHub', () => {
    const bundle = new TextDecoder().decode(bcr.bytes)
    const file = encodeUtf8(`{"attestations": [{"bundle": ${bundle}, "repository_id": 1}]}`)
    const [found] = findEnvelopes(file)
    expect(found?.envelope.bytes).toEqual(bcr.bytes)
    expect(found?.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json')
  })

  it('are refused when they hold something else', () => {
    for (const text of ['', '{}', '[]', '1', '{"attestations":[{}]}', 'a\nb']) {
      refusal(() => findEnvelopes(encodeUtf8(text)))
    }
  })

  it('say who signed, what, and when', () => {
    const opened = openEnvelope(bcr.mediaType, bcr.bytes)!
    expect(opened.statementType).toBe('application/vnd.in-toto+json')
    expect(opened.statementPointer).toBe('/dsseEnvelope/payload')
    expect(opened.numbers).toEqual([{ name: 'integrated-on', value: bcr.at }])
    expect(opened.digests).toEqual([
      {
        role: 'dependency',
        algorithm: 'gitCommit',
        value: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
      },
    ])
    const names = opened.attributes.map(({ name }) => name)
    expect(names).toEqual([
      'inner-identity',
      'inner-issuer',
      'inner-certificate',
      'repository',
      'workflow',
      'invocation-id',
      'run-url',
      'rekor-log-index',
    ])
    expect(openEnvelope(publish.mediaType, publish.bytes)?.attributes).toEqual([
      { name: 'inner-key', value: publish.key },
      { name: 'rekor-log-index', value: '94408157' },
    ])
  })

  it('give no time that nothing vouches for', () => {
    const unproven = alter(bcr.bytes, ({ verificationMaterial }) => {
      verificationMaterial.tlogEntries[0]!.inclusionPromise = null
    })
    expect(openEnvelope(bcr.mediaType, unproven)?.numbers).toEqual([])
  })

  type Broken = [string, BundleSample, (bundle: BundleJson) => unknown, string]
  const material = '/verificationMaterial'
  const broken: Broken[] = hasVectors
    ? [
        ['no media type', bcr, (b) => delete (b as Partial<BundleJson>).mediaType, '/mediaType'],
        ['another version', bcr, (b) => (b.mediaType += '1'), '/mediaType'],
        ['no material', bcr, (b) => delete (b as Partial<BundleJson>).verificationMaterial, material],
        ['no signer', bcr, (b) => delete b.verificationMaterial.certificate, material],
        ['an empty hint', publish, (b) => (b.verificationMaterial.publicKey!.hint = ''), `${material}/publicKey/hint`],
        ['an empty chain', npm, (b) => (b.verificationMaterial.x509CertificateChain!.certificates = []), `${material}/x509CertificateChain/certificates`],
        ['a certificate that is none', bcr, (b) => (b.verificationMaterial.certificate!.rawBytes = 'AAAA'), `${material}/certificate/rawBytes`],
        ['an index that is a fraction', bcr, (b) => (b.verificationMaterial.tlogEntries[0]!.logIndex = '1.5'), `${material}/tlogEntries/0/logIndex`],
        ['too many log entries', bcr, (b) => (b.verificationMaterial.tlogEntries = Array(9).fill(b.verificationMaterial.tlogEntries[0]) as never), `${material}/tlogEntries`],
        ['no promise in version 0.1', npm, (b) => ((b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1'), (b.verificationMaterial.tlogEntries[0]!.inclusionPromise = null)), `${material}/tlogEntries/0`],
        ['timestamps that are none', bcr, (b) => (b.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: '' }] }), `${material}/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp`],
        ['no content', bcr, (b) => delete (b as Partial<BundleJson>).dsseEnvelope, ''],
        ['two contents', bcr, (b) => ((b as unknown as { messageSignature: unknown }).messageSignature = {}), ''],
        ['no signature', bcr, (b) => (b.dsseEnvelope.signatures = []), '/dsseEnvelope/signatures'],
      ] // prettier-ignore
    : []
  it.each(broken)('are refused with %s', (_, sample, change, pointer) => {
    const bytes = alter(sample.bytes, change)
    expect(refusal(() => parseSigstoreBundle(bytes)).pointer).toBe(pointer)
  })

  it('of a message signature name the digest of the artifact', () => {
    const digest = { algorithm: 'SHA2_256', digest: Buffer.alloc(32, 7).toString('base64') }
    const change = (messageDigest: object) =>
      alter(bcr.bytes, (bundle) => {
        delete (bundle as Partial<BundleJson>).dsseEnvelope
        Object.assign(bundle, { messageSignature: { messageDigest, signature: 'AAAA' } })
      })
    const opened = openEnvelope(bcr.mediaType, change(digest))
    expect(opened?.digests).toContainEqual({
      role: 'subject',
      algorithm: 'sha256',
      value: '07'.repeat(32),
    })
    expect(opened?.statementBytes).toBeUndefined()
    const at = '/messageSignature/messageDigest'
    for (const [bad, pointer] of [
      [{ ...digest, algorithm: 'SHA1' }, `${at}/algorithm`],
      [{ ...digest, digest: 'AAAA' }, `${at}/digest`],
    ] as const) {
      expect(refusal(() => parseSigstoreBundle(change(bad))).pointer).toBe(pointer)
    }
  })
})
