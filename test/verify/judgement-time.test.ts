/** At which time certificates are judged: when a trusted log says that the statement was there. */
import { describe, expect, it } from 'vitest'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { SmallLog } from './small-log.ts'
import { issueCertificate, makeCa } from '../support/test-pki.ts'
import { signerFor } from '../support/test-signer.ts'

import { log, sign, trustedLog, trust, register, verify, verified } from './fixture.ts'

describe('time', () => {
  const root = makeCa({ name: 'Root' })
  const ca = makeCa({ name: 'CA', ca: root, pathLength: 0 })
  const day = 86_400
  const expiry = new Date((log.registrationTime + day) * 1000)
  const leaf = issueCertificate({
    ca,
    notBefore: new Date((log.registrationTime - day) * 1000),
    notAfter: expiry,
  })
  const by = signerFor(
    'ES256',
    leaf.privateKey,
    publicKeyFromSpki(parseCertificate(leaf.der).spki.spki),
  )
  const issuers: TrustAnchor[] = [
    { kind: 'x509-root', certificate: parseCertificate(root.der), issuers: ['*'] },
  ]
  const years = log.registrationTime + 3650 * day

  it('certificates are judged when the log says that the statement was there', async () => {
    const bytes = await register(await sign({ signer: by, x5chain: leaf.chain }), log)
    const result = verified(
      await verify(bytes, { at: years, trust: { ...trust(trustedLog(log)), issuers } }),
    )
    expect(result.issuerCheckedAt).toBe(log.registrationTime)
    expect(result.authenticatedIssuer?.path).toBeDefined()
  })

  it('a statement registered after its certificate expired does not verify', async () => {
    const late = new SmallLog({
      signer: log.signer,
      registrationTime: log.registrationTime + 2 * day,
    })
    const bytes = await register(await sign({ signer: by, x5chain: leaf.chain }), late)
    expect(
      await verify(bytes, { at: years, trust: { ...trust(trustedLog(late)), issuers } }),
    ).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_X509_PATH' },
    })
  })

  it('nobody’s receipt moves the time: only one that holds does', async () => {
    const late = new SmallLog({
      signer: log.signer,
      registrationTime: log.registrationTime + 2 * day,
    })
    const early = new SmallLog({ issuer: 'https://x.example' })
    const bytes = await register(await sign({ signer: by, x5chain: leaf.chain }), early, late)
    expect(
      (await verify(bytes, { at: years, trust: { ...trust(trustedLog(late)), issuers } })).kind,
    ).toBe('not-verified')
  })

  it('a receipt from the future does not excuse a certificate that is not valid yet', async () => {
    const bytes = await register(await sign({ signer: by, x5chain: leaf.chain }), log)
    const before = log.registrationTime - 2 * day
    expect(
      (await verify(bytes, { at: before, trust: { ...trust(trustedLog(log)), issuers } })).kind,
    ).toBe('not-verified')
  })
})
