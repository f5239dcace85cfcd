/**
 * The registry's own appraisal of registered evidence: what it says and of when, that everybody gets the
 * same, what has none, and that reading them takes no room of registrations.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { QueuedAppraiser } from '../../src/app/queued-appraiser.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { TRUST_ANCHORS_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { findReappraisal } from '../../src/payload/tee/appraisal-result.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { readEar } from '../../src/payload/tee/ear.ts'
import { EAR_MEDIA_TYPE } from '../../src/payload/tee/ear-result.ts'
import { verifyToken } from '../../src/payload/tee/eat.ts'
import type { EvidenceAppraiser } from '../../src/payload/tee/evidence-appraiser.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { encodeTrustAnchorsDocument } from '../../src/policy/registration-policy.ts'
import { Registry } from '../../src/registry/registry.ts'
import { authenticateIssuer } from '../../src/statement/authenticate-issuer.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, tcbLevel, testIntel, type DcapOptions } from '../support/intel-pki.ts'
import { nativeHasher } from '../support/naive-tree.ts'
import { createGate, LOG_ISSUER, START_TIME } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

let registry: EvidenceRegistry
afterEach(() => registry.close())

const intel = [encodeHex(sha256(testIntel.root.der))]
const YEAR = 31_536_000

async function open(): Promise<void> {
  registry = await EvidenceRegistry.create({ roots: { intel } })
}
const signerOf = (): Uint8Array => keyThumbprint(registry.service.signer.publicKey)
function tdx(options: DcapOptions = {}): TeeEvidence {
  const reportData = concatBytes(signerOf(), new Uint8Array(32))
  const { quote, collateral } = makeDcap({ tee: 'tdx', reportData, ...options })
  const bundle = encodeCollateral(collateral)
  const binding = { type: 'key' } as const
  return { format: 'tdx-quote', evidence: quote, collateral: bundle, binding }
}
const registered = async (container: TeeEvidence): Promise<string> =>
  registry.register(await registry.evidence(container))

/** An entry that no admission let in: an earlier version of the software may have been wrong. */
async function append(container: TeeEvidence): Promise<string> {
  const { log, clock } = registry.service
  const statement = parseSignedStatement(await registry.evidence(container))
  const { entry, entryDigest: entryId } = statement
  const times = { standsFrom: 0, standsUntil: clock.time + YEAR }
  await log.append({ entry, entryId, leafHash: nativeHasher.leaf(entry), ...times })
  return statement.entryId
}
async function read(entryId: string, by = registry.service.registry): Promise<Uint8Array> {
  const found = await by.readAppraisal(entryId)
  if (found.status === 'pending') throw new Error('pending')
  return found.statement
}
const codeOf = (entryId: string, by?: Registry): Promise<string> =>
  read(entryId, by).then(
    () => 'signed',
    (error: unknown) => {
      const { code, message } = error as { readonly code: string; readonly message: string }
      return `${code}: ${message}`
    },
  )

/** What a relying party makes of it that knows the registrar key and nothing else of the log. */
async function check(bytes: Uint8Array, key?: PublicKey) {
  const { registrar, clock } = registry.service
  const anchor = {
    kind: 'cose-key',
    key: key ?? registrar.publicKey,
    issuers: [LOG_ISSUER],
  } as const
  const statement = parseSignedStatement(bytes)
  await authenticateIssuer({ statement, anchors: [anchor], at: clock.time, verifier })
  const token = statement.message.payload!
  const claims = await verifyToken({ token, keys: [{ key: anchor.key }], at: clock.time, verifier })
  return { statement, ear: readEar(claims), claim: findReappraisal(claims)!, claims }
}

describe('the appraisal of an entry', () => {
  it('says what was found of which evidence, with what, and is signed by the registrar', async () => {
    await open()
    const container = tdx()
    const entryId = await registered(container)
    const policyId = encodeHex((await registry.records())[2]!.entryId)
    const { statement, ear, claim } = await check(await read(entryId))
    expect(statement.headers).toMatchObject({
      issuer: LOG_ISSUER,
      subject: `${LOG_ISSUER}/entries/${entryId}`,
      contentType: EAR_MEDIA_TYPE,
    })
    expect(ear).toMatchObject({
      status: 'affirming',
      verifier: { developer: LOG_ISSUER, build: 'attestry 0' },
      appraisals: [{ label: 'tdx', policyIds: [`${LOG_ISSUER}/entries/${policyId}`] }],
    })
    expect(claim).toEqual({
      evidenceSha256: encodeHex(sha256(container.evidence)),
      ...{ entryId, at: START_TIME, outcome: 'holds', tcbStatus: 'UpToDate', changes: [] },
      basis: {
        policyId,
        collateralSha256: [encodeHex(sha256(container.collateral!))],
        findings: [],
      },
    })
  })

  it.each<[string, DcapOptions, string, string]>([
    ['debug', { debug: true }, 'contraindicated', 'debug-environment'],
    [
      'an old TCB',
      { tcbInfo: { tcbLevels: [tcbLevel('OutOfDate')] } },
      'warning',
      'tcb-not-up-to-date',
    ],
    ['a revoked TCB', { tcbInfo: { tcbLevels: [tcbLevel('Revoked')] } }, 'contraindicated', 'tcb-not-up-to-date'], // prettier-ignore
  ])('with %s says so', async (_name, options, status, finding) => {
    await open()
    const { ear, claim } = await check(await read(await registered(tdx(options))))
    expect(ear.status).toBe(status)
    expect(claim.basis?.findings.map(({ code }) => code)).toEqual([finding])
  })

  it('says that evidence without a binding is bound to nothing', async () => {
    await open()
    const { binding: _, ...unbound } = tdx()
    const { claim } = await check(await read(await registered(unbound)))
    expect(claim.basis?.findings.map(({ code }) => code)).toEqual(['evidence-not-bound'])
  })

  it('is of the registration for ever, by every node, but for the signature', async () => {
    await open()
    const { collateral, ...bare } = tdx()
    const bundle = { contentType: COLLATERAL_MEDIA_TYPE }
    const bundleId = await registry.register(await registry.statement(collateral!, bundle))
    const entryId = await registered({ ...bare, registered: [decodeHex(bundleId)] })
    const { service } = registry
    const first = await read(entryId)
    // Stricter rules, newer collateral, and years after everything expired.
    const stricter = {
      check: 'verified@1',
      outOfDate: 'refuse',
      roots: { intel: ['00'.repeat(32)] },
    }
    const policy = await service.policyStatement({ teeEvidence: stricter as never })
    await service.registry.register(policy)
    service.clock.time += 30 * YEAR
    await registry.register(await registry.statement(tdx().collateral!, bundle))
    const other = new Registry({ ...service.ports })
    const again = await read(entryId, other)
    expect(encodeHex(again)).not.toBe(encodeHex(first))
    const [before, after] = [await check(first), await check(again)]
    expect(after.claims.claims).toEqual(before.claims.claims)
    expect(after.statement.headers).toEqual(before.statement.headers)
    expect(after.claim).toMatchObject({ at: START_TIME, outcome: 'holds' })
    expect(after.claim.basis?.collateralSha256).toEqual([encodeHex(sha256(collateral!))])
  })

  it('is appraised and signed once, however many ask', async () => {
    await open()
    const entryId = await registered(tdx())
    const inner = new QueuedAppraiser()
    let asked = 0
    const appraiser: EvidenceAppraiser = {
      appraise: (request) => {
        asked += 1
        return inner.appraise(request)
      },
    }
    const one = new Registry({ ...registry.service.ports, appraiser })
    const answers = await Promise.all(Array.from({ length: 50 }, () => read(entryId, one)))
    answers.push(await read(entryId, one))
    expect(new Set(answers.map(encodeHex)).size).toBe(1)
    expect(asked).toBe(1)
    await inner.close()
  })

  it('is worth nothing once a byte of it is another', async () => {
    await open()
    const bytes = await read(await registered(tdx()))
    await expect(check(bytes, testSigner().publicKey)).rejects.toThrow()
    for (const at of [bytes.length - 1, bytes.length >> 1, 40]) {
      const broken = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
      await expect(check(broken), `byte ${at}`).rejects.toThrow()
    }
  })

  it('may be registered by anybody where the log believes its registrar, and is found', async () => {
    await open()
    const { service } = registry
    const entryId = await registered(tdx())
    const statement = await read(entryId)
    expect(await registry.register(statement)).toMatch(/^issuer-unknown: /)
    const anchors = encodeTrustAnchorsDocument([
      { kind: 'cose-key', key: service.registrar.publicKey, issuers: [LOG_ISSUER] },
    ])
    const by = {
      issuer: LOG_ISSUER,
      subject: 'urn:attestry:trust-anchors',
      signer: service.operator,
    }
    await registry.register(
      await registry.statement(anchors, { ...by, contentType: TRUST_ANCHORS_MEDIA_TYPE }),
    )
    const id = await registry.register(statement)
    const { description } = (await registry.records()).find((one) => encodeHex(one.entryId) === id)!
    expect(description.kind).toBe('tee-result')
    expect(description.attributes).toEqual(
      expect.arrayContaining([
        { name: 'result', value: 'affirming' },
        { name: 'target-entry', value: entryId },
        { name: 'tcb-status', value: 'UpToDate' },
        { name: 'verifier-id', value: LOG_ISSUER },
      ]),
    )
    await registry.journal()
    expect((await registry.audit()).index).toMatchObject({ notComparable: 0 })
  })

  it('waits for the head that the entry is in', async () => {
    await open()
    const { service } = registry
    const statement = await registry.evidence(tdx())
    service.hold.signing = createGate()
    const posted = service.registry.register(statement)
    const { entryId, entryDigest } = parseSignedStatement(statement)
    await expect.poll(() => service.log.findEntry(entryDigest)).toBeDefined()
    expect(await service.registry.readAppraisal(entryId)).toEqual({ status: 'pending' })
    service.hold.signing.open()
    await posted
    expect(await codeOf(entryId)).toBe('signed')
  })
})

describe('there is none', () => {
  it('for an entry that is not there, and for one that holds no evidence', async () => {
    await open()
    expect(await codeOf('00'.repeat(32))).toMatch(/^ERR_ENTRY_UNKNOWN: /)
    const plain = await registry.register(await registry.statement(new Uint8Array([1])))
    expect(await codeOf(plain)).toMatch(/^ERR_EVIDENCE_UNKNOWN: /)
  })

  it('where the policy of the entry had nothing verified, whatever a later one asks for', async () => {
    registry = await EvidenceRegistry.create(undefined)
    const { service } = registry
    await service.registry.register(await service.policyStatement({}))
    const entryId = await registered(tdx())
    expect(await codeOf(entryId)).toMatch(/^ERR_EVIDENCE_UNVERIFIED: /)
    const teeEvidence = { check: 'verified@1' as const, roots: { intel } }
    await service.registry.register(await service.policyStatement({ teeEvidence }))
    expect(await codeOf(entryId)).toMatch(/^ERR_EVIDENCE_UNVERIFIED: /)
    expect(await codeOf(await registered(tdx()))).toBe('signed')
  })

  it('where the policy in force names another registrar key, or there is none here', async () => {
    await open()
    const { service } = registry
    const entryId = await registered(tdx())
    expect(await codeOf(entryId)).toBe('signed')
    const { registrar: _, ...keyless } = service.ports
    expect(await codeOf(entryId, new Registry(keyless))).toMatch(/^ERR_REGISTRAR_UNKNOWN: /)
    const registrarKeys = [testSigner().publicKey]
    await service.registry.register(await service.policyStatement({ registrarKeys }))
    expect(await codeOf(entryId)).toMatch(/^ERR_REGISTRAR_UNKNOWN: /)
  })

  it('but a bad one for evidence that should never have been admitted', async () => {
    await open()
    const good = tdx()
    const evidence = good.evidence.map((byte, index) => (index === 200 ? byte ^ 1 : byte))
    const { ear, claim } = await check(await read(await append({ ...good, evidence })))
    expect(ear.status).toBe('contraindicated')
    expect(claim.outcome).toBe('quote-signature')
    expect(claim.basis?.findings).toEqual([])
  })

  it('that rests on what came after the entry, as little as in the index', async () => {
    await open()
    const { collateral, ...bare } = tdx()
    const bundle = { contentType: COLLATERAL_MEDIA_TYPE }
    const later = await registry.statement(collateral!, bundle)
    const entryId = await append({ ...bare, registered: [parseSignedStatement(later).entryDigest] })
    await registry.register(later)
    expect(await codeOf(entryId)).toMatch(/^ERR_EVIDENCE_UNVERIFIED: .*: collateral-unregistered: /)
    const record = (await registry.records()).find((one) => encodeHex(one.entryId) === entryId)!
    expect(record.description.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringMatching(/^collateral-unregistered: /) as string }), // prettier-ignore
    )
  })

  it('for what cannot be told, and it is not asked for again', async () => {
    await open()
    const { collateral: _, ...bare } = tdx()
    const entryId = await append(bare)
    let asked = 0
    const inner = new QueuedAppraiser()
    const appraiser: EvidenceAppraiser = {
      appraise: (request) => {
        asked += 1
        return inner.appraise(request)
      },
    }
    const one = new Registry({ ...registry.service.ports, appraiser })
    for (const _time of [1, 2]) {
      expect(await codeOf(entryId, one)).toMatch(/^ERR_EVIDENCE_UNVERIFIED: .*: crl-missing: /)
    }
    expect(asked).toBe(1)
    await inner.close()
  })
})

describe('reading appraisals', () => {
  it('takes a fraction of the room of registrations, and says when there is none', async () => {
    await open()
    const ids: string[] = []
    for (let index = 0; index < 18; index++) ids.push(await registered(tdx()))
    const inner = new QueuedAppraiser()
    const gate = createGate()
    const appraiser: EvidenceAppraiser = {
      appraise: async (request) => {
        await gate.opened
        return inner.appraise(request)
      },
    }
    const one = new Registry({ ...registry.service.ports, appraiser })
    const answers = ids.map((id) => codeOf(id, one))
    const early = await Promise.race(answers)
    expect(early).toMatch(/^ERR_APPRAISER_BUSY: /)
    gate.open()
    const codes = (await Promise.all(answers)).map((text) => text.split(':', 1)[0]).sort()
    expect(codes).toEqual([...Array<string>(2).fill('ERR_APPRAISER_BUSY'), ...Array<string>(16).fill('signed')]) // prettier-ignore
    // Being busy is no answer that is kept.
    for (const id of ids) expect(await codeOf(id, one)).toBe('signed')
    await inner.close()
  })

  it('is refused while registrations fill the queue', async () => {
    await open()
    const entryId = await registered(tdx())
    const appraiser = new QueuedAppraiser({ queueMax: 0 })
    const one = new Registry({ ...registry.service.ports, appraiser })
    expect(await codeOf(entryId, one)).toMatch(/^ERR_APPRAISER_BUSY: /)
    await appraiser.close()
  })
})
