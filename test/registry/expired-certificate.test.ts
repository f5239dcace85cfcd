/**
 * What outlives an issuer's certificate: a Transparent Statement that is fetched years later, and the
 * answer to a client that posts again, say the registration time; only a fresh Receipt says a later one.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { verifyTransparentStatement } from '../../src/verify/index.ts'
import type { TrustPolicy, VerificationOutcome } from '../../src/verify/index.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { issueCertificate, makeCa } from '../support/test-pki.ts'
import { LOG_ISSUER, LOG_ORIGIN, START_TIME, TestRegistry } from '../support/test-registry.ts'
import { signerFor } from '../support/test-signer.ts'

const DAY = 86_400
const dateAt = (seconds: number): Date => new Date(seconds * 1000)

const root = makeCa({ name: 'Root' })
const leaf = issueCertificate({
  ca: root,
  notBefore: dateAt(START_TIME - DAY),
  notAfter: dateAt(START_TIME + DAY),
})
const issuers: TrustAnchor[] = [
  { kind: 'x509-root', certificate: parseCertificate(root.der), issuers: ['*'] },
]
const { spki } = parseCertificate(leaf.der).spki
const signer = signerFor('ES256', leaf.privateKey, publicKeyFromSpki(spki))

let service: TestRegistry
let statement: Uint8Array
let entryId: string
let first: Uint8Array

/** Registered in a batch of its own while the certificate was valid; more has been logged since. */
beforeEach(async () => {
  service = await TestRegistry.create({ anchors: issuers })
  statement = await service.statement(1, { signer, x5chain: leaf.chain })
  entryId = parseSignedStatement(statement).entryId
  first = await receiptOf(service.registry.register(statement))
  service.clock.time += 2 * DAY
  await service.registry.register(await service.policyStatement({}))
})
afterEach(() => service.close())

async function receiptOf(
  answer: Promise<{ readonly status: string; readonly receipt?: Uint8Array }>,
): Promise<Uint8Array> {
  const { status, receipt } = await answer
  if (receipt === undefined) throw new Error(status)
  return receipt
}

function verdictOf(transparentStatement: Uint8Array): Promise<VerificationOutcome> {
  const keys = [{ ...service.serviceSigner.publicKey, algorithm: service.serviceSigner.algorithm }]
  const log = { issuer: LOG_ISSUER, origin: LOG_ORIGIN, keys }
  const trust: TrustPolicy = {
    version: 1,
    logs: [{ ...log, profile: 'attestry', leafRule: 'entry' }],
    issuers,
  }
  const at = START_TIME + 3650 * DAY
  return verifyTransparentStatement({ transparentStatement, trust, at, verifier: nodeVerifier })
}

describe('a statement whose certificate has run out since', () => {
  it('verifies as the registry serves it, with the Receipt of its registration', async () => {
    const served = await service.registry.readTransparentStatement(entryId)
    if (served.status !== 'registered') throw new Error(served.status)
    expect(parseSignedStatement(served.transparentStatement).receipts).toEqual([first])
    expect(await verdictOf(served.transparentStatement)).toMatchObject({ kind: 'verified' })
  })

  it('gets that Receipt again when it is posted again', async () => {
    expect(await receiptOf(service.registry.register(statement))).toEqual(first)
  })

  it('does not verify with a fresh Receipt, which says a later time', async () => {
    const fresh = await receiptOf(service.registry.resolveReceipt(entryId))
    expect(await verdictOf(attachReceipts(statement, [fresh]))).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_X509_PATH' },
    })
  })
})
