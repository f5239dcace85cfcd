/**
 * TEE evidence on a data directory as an operator has it: admitted by the serving registry, repeated from
 * an export, indexed the same by a rebuild, and tried again under a policy that is not in force.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportLog } from '../../src/app/export-log.ts'
import { openEvidenceReferences } from '../../src/app/evidence-references.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { rebuildIndex } from '../../src/app/rebuild-index.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { checkpointBinding } from '../../src/payload/tee/bindings.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { dcapOfToday, ROOT_OF_TODAY } from '../support/evidence-of-today.ts'
import { closeServices, pathOf, PayloadService, signer } from '../support/payload-service.ts'

afterAll(closeServices)

const teeEvidence = { check: 'verified@1', roots: { intel: [ROOT_OF_TODAY] } } as const
const key = keyThumbprint(signer.publicKey)

describe('evidence on a data directory', () => {
  let service: PayloadService
  let checkpoint: Uint8Array
  let bundle: Uint8Array
  let evidence: Uint8Array
  beforeAll(async () => {
    service = await PayloadService.create()
    await service.setPolicy({ teeEvidence })
    const collateral = encodeCollateral(dcapOfToday().collateral)
    bundle = await service.envelope(collateral, { contentType: COLLATERAL_MEDIA_TYPE })
    expect(await service.put(collateral)).toBe(201)
    expect(await service.register(bundle)).toEqual({ status: 201 })
    checkpoint = (await service.get('checkpoint')).bytes
    const { quote } = dcapOfToday({
      reportData: concatBytes(key, checkpointBinding(checkpoint)),
      trailing: new Uint8Array(60_000),
    })
    const container = encodeTeeEvidence({
      ...{ format: 'tdx-quote', evidence: quote, binding: { type: 'key' }, checkpoint },
      registered: [parseSignedStatement(bundle).entryDigest],
    })
    evidence = await service.envelope(container, { contentType: TEE_EVIDENCE_MEDIA_TYPE })
    expect(await service.register(evidence)).toMatchObject({ status: 400, rule: 'tee-evidence' })
    expect(await service.put(container)).toBe(201)
    expect(await service.register(evidence)).toEqual({ status: 201 })
  })

  it('is repeated from public bytes, of the server and of an export', async () => {
    // The last journal is written when it stops.
    await service.restart()
    const whole = await service.audit()
    expect([whole.waitingFrom, whole.unreplayed]).toEqual([undefined, []])
    await exportLog({ data: service.data, out: pathOf('exported') })
    const report = await service.audit(new LogDirectory(pathOf('exported')))
    expect(report.state.registered?.map(({ entryId }) => entryId)).toEqual([
      parseSignedStatement(bundle).entryId,
    ])
  })

  it('is found by what was verified, also after the index was made again', async () => {
    const find = async (): Promise<unknown> => {
      const path = `statements?boundKey=${encodeHex(key)}&facts=1`
      const { bytes } = await service.get(path)
      return (JSON.parse(new TextDecoder().decode(bytes)) as { statements: unknown }).statements
    }
    const before = await find()
    expect(before).toMatchObject([{ entryId: parseSignedStatement(evidence).entryId }])
    await service.stop()
    await rebuildIndex({ data: service.data })
    await service.start()
    expect(await find()).toEqual(before)
  })

  it('refers to the same for a policy that is tried, and to nothing above an entry', async () => {
    const references = await openEvidenceReferences(service)
    const policy = { teeEvidence } as unknown as RegistrationPolicy
    const statement = parseSignedStatement(evidence)
    const { bytes: preimage } = await service.get(
      `payloads/sha256:${encodeHex(statement.message.payload!)}`,
    )
    const now = await references.of({ statement, preimage }, policy)
    expect(now.registered?.size).toBe(1)
    expect(now.log?.head).toMatchObject({ treeSize: 5 })
    const early = await references.of({ statement, preimage, leafIndex: 4 }, policy)
    expect([early.registered?.size, early.log?.head]).toEqual([0, 'none'])
    await references.close()
  })
})
