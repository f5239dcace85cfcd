/** The appraisal that a serving registry signs: by its registrar key, appraised on another thread. */
import { afterAll, expect, it } from 'vitest'
import { prunePayload } from '../../src/app/prune-payload.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { readEar } from '../../src/payload/tee/ear.ts'
import { verifyToken } from '../../src/payload/tee/eat.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import { authenticateIssuer } from '../../src/statement/authenticate-issuer.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { dcapOfToday, ROOT_OF_TODAY } from '../support/evidence-of-today.ts'
import { closeServices, nameOf, PayloadService, signer } from '../support/payload-service.ts'

afterAll(closeServices)

async function open(): Promise<PayloadService> {
  const service = await PayloadService.create()
  await service.setPolicy({
    teeEvidence: { check: 'verified@1', roots: { intel: [ROOT_OF_TODAY] } },
  })
  return service
}
function container(): Uint8Array {
  const reportData = concatBytes(keyThumbprint(signer.publicKey), new Uint8Array(32))
  const { quote: evidence, collateral } = dcapOfToday({ reportData })
  return encodeTeeEvidence({
    ...{ format: 'tdx-quote', evidence, collateral: encodeCollateral(collateral) },
    binding: { type: 'key' },
  })
}

it('is signed by the key in registrar.pem, and said again after a restart', async () => {
  const service = await open()
  const statement = await signStatement({
    ...{ payload: container(), contentType: TEE_EVIDENCE_MEDIA_TYPE, signer },
    ...{ issuer: 'https://issuer.example', subject: 'demo' },
  })
  expect(await service.register(statement)).toEqual({ status: 201 })
  const { entryId } = parseSignedStatement(statement)

  const { publicKey: key } = await service.key('registrar')
  const at = Math.floor(Date.now() / 1000)
  const read = async (): Promise<unknown> => {
    const { bytes } = await service.get(`entries/${entryId}/appraisal`)
    const signed = parseSignedStatement(bytes)
    const anchors = [{ kind: 'cose-key' as const, key, issuers: ['https://log.example.org'] }]
    await authenticateIssuer({ statement: signed, anchors, at, verifier })
    const token = signed.message.payload!
    const claims = await verifyToken({ token, keys: [{ key }], at, verifier })
    expect(readEar(claims)).toMatchObject({
      status: 'affirming',
      verifier: {
        developer: 'https://log.example.org',
        build: expect.stringMatching(/^attestry \d/) as string,
      },
    })
    return claims.claims
  }
  const before = await read()
  await service.restart()
  expect(await read()).toEqual(before)
})

it('is given of a hash envelope until its content is pruned', async () => {
  const service = await open()
  const payload = container()
  expect(await service.put(payload)).toBe(201)
  const statement = await service.envelope(payload, { contentType: TEE_EVIDENCE_MEDIA_TYPE })
  expect(await service.register(statement)).toEqual({ status: 201 })
  const path = `entries/${parseSignedStatement(statement).entryId}/appraisal`
  expect((await service.get(path)).status).toBe(200)

  await prunePayload({
    ...{ data: service.data, name: parsePayloadName(nameOf(payload)) },
    registerPruning: async () => {
      expect(await service.registerPruning(nameOf(payload), 'a court asked')).toEqual({
        status: 201,
      })
    },
  })
  // What was signed is not forgotten before the process ends.
  expect((await service.get(path)).status).toBe(200)
  await service.restart()
  const { status, bytes } = await service.get(path)
  expect(status).toBe(404)
  expect(new TextDecoder().decode(bytes)).toContain('content-missing: only a digest')
})
