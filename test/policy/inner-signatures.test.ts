/** The rule `inner-signature` looks at whatever the index describes as an envelope, however its type is written. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { digest } from '../../src/bytes/digest.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { CLAIM, HEADER } from '../../src/cose/labels.ts'
import { signSign1 } from '../../src/cose/sign1.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { describeStatement } from '../../src/payload/describe-statement.ts'
import { innerCheck } from '../../src/policy/inner-signatures.ts'
import { DIGEST_IDS } from '../../src/statement/hash-envelope.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import { decided, ISSUER, policy, signer } from './fixture.ts'

/** CoAP's number of `application/json` (RFC 7252 §12.3). */
const JSON_FORMAT = 50
const FORGED = { payload: 'e30=', payloadType: 'x', signatures: [{ sig: 'AAAA', keyid: 'k' }] }
const content = encodeUtf8(JSON.stringify(FORGED))

async function labelled(
  payload: Uint8Array,
  labels: readonly (readonly [number, CborValue])[],
): Promise<SignedStatement> {
  const claims = new Map<CborValue, CborValue>([
    [CLAIM.issuer, ISSUER],
    [CLAIM.subject, 'pkg:npm/@acme/demo@1.0.0'],
  ])
  const protectedHeader = new Map<CborValue, CborValue>([
    [HEADER.keyId, keyThumbprint(signer.publicKey)],
    [HEADER.cwtClaims, claims],
    ...labels,
  ])
  return parseSignedStatement(await signSign1({ protectedHeader, payload, signer }))
}

describe('an envelope whose type is a CoAP content format', () => {
  const by = { dsse: 'required' } as const

  it.each([
    ['in the statement', content, [[HEADER.contentType, JSON_FORMAT]], undefined],
    [
      'named by a hash envelope',
      digest('SHA-256', content),
      [
        [HEADER.payloadHashAlgorithm, DIGEST_IDS['SHA-256']],
        [HEADER.preimageContentType, JSON_FORMAT],
      ],
      content,
    ],
  ] as const)('has to verify: %s', async (_where, payload, labels, preimage) => {
    const statement = await labelled(payload, labels)
    const found = { name: 'inner-key', value: 'k' }
    expect(describeStatement({ statement, preimage }).attributes).toContainEqual(found)
    const collateral = preimage === undefined ? {} : { preimage }
    expect(await decided(statement, { collateral })).toMatchObject({ kind: 'accept' })
    expect(await decided(statement, { by, collateral })).toMatchObject({ rule: 'inner-signature' })
  })

  it('counts as checked where the policy had it checked', async () => {
    const statement = await labelled(content, [[HEADER.contentType, JSON_FORMAT]])
    expect(innerCheck({ ...policy, ...by }, statement)).toBe('checked')
    expect(innerCheck(policy, statement)).toBe('not-checked')
  })
})
