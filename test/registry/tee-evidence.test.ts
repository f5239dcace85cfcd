/**
 * TEE evidence through a registry: what is admitted under a policy that asks for it, what is refused and
 * why, what the index says of it, and that an outsider repeats all of it from public bytes.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import type { AuditOptions } from '../../src/monitor/audit-log.ts'
import { encodeCheckpoint, signCheckpoint } from '../../src/note/checkpoint.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { buildBinding, checkpointBinding } from '../../src/payload/tee/bindings.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { encodeTeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { TDX_QUOTE_MEDIA_TYPE } from '../../src/payload/tee/tdx-quote.ts'
import type { TeeEvidencePolicy } from '../../src/policy/tee-evidence-policy.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../support/amd-evidence.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, tcbLevel, testIntel, type DcapOptions } from '../support/intel-pki.ts'
import { noteSigner } from '../support/note-keys.ts'
import { ISSUER, LOG_ORIGIN } from '../support/test-registry.ts'
import type { TestCertificate } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'

let registry: EvidenceRegistry
afterEach(() => registry.close())

const intel = [encodeHex(sha256(testIntel.root.der))]
const ENTRY_ID = /^[0-9a-f]{64}$/
const buildId = 'https://ci.example/runs/17'

async function open(policy: Omit<TeeEvidencePolicy, 'check'> = {}): Promise<void> {
  registry = await EvidenceRegistry.create({ roots: { intel }, ...policy })
}
function tdx(reportData: Uint8Array, options: DcapOptions = {}): TeeEvidence {
  const { quote, collateral } = makeDcap({ tee: 'tdx', reportData, ...options })
  return { format: 'tdx-quote', evidence: quote, collateral: encodeCollateral(collateral) }
}
const signerOf = (): Uint8Array => keyThumbprint(registry.service.signer.publicKey)
const ofSigner = (): TeeEvidence => ({
  ...tdx(concatBytes(signerOf(), new Uint8Array(32))),
  binding: { type: 'key' },
})
async function ofBuild(id = buildId): Promise<TeeEvidence> {
  const note = await registry.checkpoint()
  const key = registry.service.signer.publicKey
  return {
    ...tdx(buildBinding({ buildId: id, key, note })),
    ...{ binding: { type: 'build', buildId: id }, checkpoint: note },
  }
}
/** Every key of the log, as an auditor pins them who was there before. */
function keysOf({ service }: EvidenceRegistry): Pick<AuditOptions, 'known'> {
  const { checkpointSigners, retiredCheckpointKeys } = service.ports
  const active = checkpointSigners.map((one) => verifierKeyOf(one, 'ed25519'))
  return {
    known: {
      origin: LOG_ORIGIN,
      checkpointKeys: [...active, ...retiredCheckpointKeys],
      receiptKeys: [service.serviceSigner.publicKey],
    },
  }
}
const codes = (findings: readonly { readonly code: string }[]): string[] =>
  findings.map(({ code }) => code)

describe('evidence that holds', () => {
  it('is admitted, indexed by what was verified, and repeated by an auditor', async () => {
    await open({ checkpointAgeMax: 3600 })
    const entryId = await registry.register(await registry.evidence(await ofBuild()))
    expect(entryId).toMatch(ENTRY_ID)
    await registry.journal()
    const record = (await registry.records())[3]!
    expect(encodeHex(record.entryId)).toBe(entryId)
    const { attributes, findings, kind } = record.description
    expect(kind).toBe('tee-evidence')
    expect(attributes).toEqual(
      expect.arrayContaining([
        { name: 'tee-type', value: 'tdx' },
        { name: 'tcb-status', value: 'UpToDate' },
        { name: 'binding', value: 'build' },
        { name: 'binding', value: 'checkpoint:3' },
        { name: 'bound-key', value: encodeHex(signerOf()) },
      ]),
    )
    expect(codes(findings)).toEqual([])
    const { counts, index } = await registry.audit()
    expect(counts.entries).toBe(5)
    expect(index).toMatchObject({ records: 5, notComparable: 0 })
  })

  it('rests on collateral that other entries registered, attached or as a hash envelope', async () => {
    await open()
    const { collateral, ...bare } = ofSigner()
    const attached = await registry.statement(collateral!, { contentType: COLLATERAL_MEDIA_TYPE })
    const envelope = await registry.statement(collateral!, {
      ...{ contentType: COLLATERAL_MEDIA_TYPE, hash: 'SHA-384' },
    })
    await registry.store(envelope, collateral!)
    const other = ofSigner().collateral!
    const later = await registry.statement(other, {
      ...{ contentType: COLLATERAL_MEDIA_TYPE, hash: 'SHA-256', subject: 'too late' },
    })
    const named = [attached, envelope, later]
    const ids: Uint8Array[] = []
    for (const one of named) ids.push(decodeHex(await registry.register(one)))
    for (const id of ids.slice(0, 2)) {
      const statement = await registry.evidence({ ...bare, registered: [id] })
      expect(await registry.register(statement)).toMatch(ENTRY_ID)
    }
    // Its content came after it was admitted: nobody could replay what rests on it.
    await registry.store(later, other)
    const odd = await registry.evidence({ ...bare, registered: [ids[2]!] })
    expect(await registry.register(odd)).toMatch(/^tee-evidence: .*collateral-unregistered: /)
    const unknown = await registry.evidence({ ...bare, registered: [sha256(ids[0]!)] })
    expect(await registry.register(unknown)).toMatch(/collateral-unregistered: /)
    const policy = decodeHex(
      (await registry.records()).map(({ entryId }) => encodeHex(entryId))[2]!,
    )
    const wrong = await registry.evidence({ ...bare, registered: [policy] })
    expect(await registry.register(wrong)).toMatch(/collateral-unregistered: /)
    await registry.journal()
    const first = await registry.audit()
    expect(first.index).toMatchObject({ notComparable: 0 })
    expect(first.state.registered).toHaveLength(3)

    // An audit that goes on later knows what was registered before.
    const state = parseAuditState(encodeAuditState(first.state))
    const next = await registry.evidence({ ...bare, registered: [ids[1]!] })
    expect(await registry.register(next)).toMatch(ENTRY_ID)
    await registry.journal()
    expect((await registry.audit({ state })).counts.entries).toBe(2)
  })

  it('may have a nonce by a checkpoint key that was retired since', async () => {
    const old = noteSigner(LOG_ORIGIN)
    const retiredCheckpointKeys = [verifierKeyOf(old, 'ed25519')]
    registry = await EvidenceRegistry.create({ roots: { intel } }, { retiredCheckpointKeys })
    const { treeHead } = registry.service.log.currentHead()
    const signed = await signCheckpoint({ origin: LOG_ORIGIN, treeHead, signers: [old] })
    const checkpoint = encodeCheckpoint(signed)
    const data = concatBytes(signerOf(), checkpointBinding(checkpoint))
    const container = { ...tdx(data), binding: { type: 'key' }, checkpoint } as const
    expect(await registry.register(await registry.evidence(container))).toMatch(ENTRY_ID)
    await registry.journal()
    const { description } = (await registry.records())[3]!
    expect(description.attributes).toContainEqual({ name: 'binding', value: 'checkpoint:3' })
    const { receiptKeys, checkpointKeys } = (await registry.audit(keysOf(registry))).pin
    expect([receiptKeys.length, checkpointKeys.length]).toEqual([1, 2])
    // Whoever pins only the new key cannot repeat it.
    await expect(registry.audit()).rejects.toMatchObject({ place: { rule: 'tee-evidence' } })
  })

  it('may be larger than an entry: as a hash envelope whose content is there before', async () => {
    await open()
    const container = {
      ...tdx(concatBytes(signerOf(), new Uint8Array(32)), { trailing: new Uint8Array(60_000) }),
      binding: { type: 'key' },
    } as const
    const bytes = encodeTeeEvidence(container)
    expect(bytes.length).toBeGreaterThan(65_535)
    const envelope = await registry.evidence(container, { hash: 'SHA-256' })
    expect(await registry.register(envelope)).toMatch(/^tee-evidence: .*content-missing: /)
    await registry.store(envelope, bytes)
    expect(await registry.register(envelope)).toMatch(ENTRY_ID)
    await registry.journal()
    const { description } = (await registry.records())[3]!
    expect(codes(description.findings)).toEqual(['trailing-bytes'])
    expect(description.attributes).toContainEqual({ name: 'binding', value: 'key' })
    expect((await registry.audit()).counts.entries).toBe(5)
  })

  it('is told of a debug bit and an old TCB, and that it is bound to nothing', async () => {
    await open()
    const tcbInfo = { tcbLevels: [tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-1'] })] }
    const unbound = tdx(new Uint8Array(64), { debug: true, tcbInfo })
    expect(await registry.register(await registry.evidence(unbound))).toMatch(ENTRY_ID)
    const { description } = (await registry.records())[3]!
    expect(codes(description.findings).sort()).toEqual([
      'debug-environment',
      'evidence-not-bound',
      'tcb-not-up-to-date',
    ])
    expect(description.attributes).toContainEqual({ name: 'advisory', value: 'INTEL-SA-1' })
    expect(description.attributes.map(({ name }) => name)).not.toContain('binding')
  })

  it('is read and not verified under a policy that does not ask', async () => {
    registry = await EvidenceRegistry.create(undefined)
    // The policy of the genesis asks.
    const { service } = registry
    await service.registry.register(await service.policyStatement({}))
    const broken = { ...ofSigner(), collateral: encodeCollateral({}) }
    expect(await registry.register(await registry.evidence(broken))).toMatch(ENTRY_ID)
    await registry.journal()
    const { description } = (await registry.records())[3]!
    expect(codes(description.findings)).toEqual(['evidence-not-verified'])
    expect(description.attributes.map(({ name }) => name)).not.toContain('binding')
    expect((await registry.audit()).counts.entries).toBe(5)
  })
})

describe('evidence that does not hold is refused, with its reason first', () => {
  const refused = async (container: TeeEvidence): Promise<string> =>
    registry.register(await registry.evidence(container))

  it('an old quote for a new build, a swapped key, a stale checkpoint', async () => {
    await open({ checkpointAgeMax: 3600 })
    const old = await ofBuild()
    const replayed = { ...old, binding: { ...old.binding!, buildId: 'https://ci.example/runs/18' } }
    expect(await refused(replayed)).toMatch(/^tee-evidence: .*binding-build: /)
    const swapped = tdx(concatBytes(sha256(signerOf()), new Uint8Array(32)))
    expect(await refused({ ...swapped, binding: { type: 'key' } })).toMatch(/binding-key: /)
    registry.service.clock.time += 3601
    // Something else moves the log on, so that the checkpoint is that of an earlier head.
    await registry.register(await registry.statement(new Uint8Array([1])))
    expect(await refused(old)).toMatch(/binding-stale: /)
    expect(registry.service.refusals.map(({ rule }) => rule)).toEqual(Array(3).fill('tee-evidence'))
  })

  it('the checkpoint of another log', async () => {
    await open()
    const other = await EvidenceRegistry.create({ roots: { intel } })
    const note = await other.checkpoint()
    await other.close()
    const data = concatBytes(signerOf(), checkpointBinding(note))
    expect(await refused({ ...tdx(data), binding: { type: 'key' }, checkpoint: note })).toMatch(
      /binding-origin: /,
    )
  })

  it('a key id that names no key, unless the container does', async () => {
    const signer = testSigner()
    const key = { ...signer.publicKey, kid: new Uint8Array(32).fill(1) }
    const anchors = [{ kind: 'cose-key', key, issuers: [ISSUER] } as const]
    registry = await EvidenceRegistry.create({ roots: { intel } }, { anchors })
    const data = concatBytes(keyThumbprint(key), new Uint8Array(32))
    const container = { ...tdx(data), binding: { type: 'key' } } as const
    const renamed = { ...signer, publicKey: key }
    const statement = await registry.evidence(container, { signer: renamed })
    expect(await registry.register(statement)).toMatch(/binding-key: kid is not the thumbprint/)
    const binding = { type: 'key', key: encodeCoseKey(key) } as const
    const named = await registry.evidence({ ...container, binding }, { signer: renamed })
    expect(await registry.register(named)).toMatch(ENTRY_ID)
  })

  it('roots, debug, status and raw quotes without collateral', async () => {
    await open({ debug: 'refuse', outOfDate: 'refuse', roots: {} })
    expect(await refused(ofSigner())).toMatch(/root: /)
    await registry.close()
    await open({ debug: 'refuse', outOfDate: 'refuse' })
    expect(await refused(tdx(new Uint8Array(64), { debug: true }))).toMatch(/debug: /)
    const tcbInfo = { tcbLevels: [tcbLevel('Revoked')] }
    expect(await refused(tdx(new Uint8Array(64), { tcbInfo }))).toMatch(/tcb-status: /)
    const { evidence } = ofSigner()
    const raw = await registry.statement(evidence, { contentType: TDX_QUOTE_MEDIA_TYPE })
    expect(await registry.register(raw)).toMatch(/crl-missing: /)
  })

  it('an SNP report without the certificate that its chain needs, or with a wrong one', async () => {
    const amd = makeAmdPki()
    const vcek = makeSnpKey(amd)
    await open({ roots: { amd: amd.roots } })
    const under = (ask: TestCertificate[]): TeeEvidence => {
      const certificates = [vcek, ...ask, amd.ark].map(({ der }) => der)
      const collateral = encodeCollateral({ certificates })
      return { format: 'snp-report', evidence: makeSnpReport(vcek), collateral }
    }
    expect(await refused(under([]))).toMatch(/tee-evidence: .*chain-missing: .*"SEV-Milan"/)
    expect(await refused(under([makeAmdPki().ask]))).toMatch(/certificate-path: /)
    expect(await refused(under([amd.ask]))).toMatch(ENTRY_ID)
  })

  it('a stranger makes the registry appraise nothing', async () => {
    await open()
    let asked = 0
    const appraiser = {
      appraise: (): never => {
        asked += 1
        throw new Error('not to be asked')
      },
    }
    Object.assign(registry.service.ports, { appraiser })
    const statement = await registry.evidence(ofSigner(), { signer: testSigner() })
    expect(await registry.register(statement)).toMatch(/^issuer-key: /)
    expect(asked).toBe(0)
  })
})
