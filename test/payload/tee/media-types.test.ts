/** Evidence as the payload of a statement: read and found by what it measures, never taken as proof. */
import { describe, expect, it } from 'vitest'
import { describeStatement } from '../../../src/payload/describe-statement.ts'
import { validatePayload } from '../../../src/payload/validate-payload.ts'
import { signStatement } from '../../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../../src/statement/signed-statement.ts'
import { testSigner } from '../../support/test-signer.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const QUOTE = 'tee/intel/dcap-qvl/tdx_quote.bin'
const NITRO = 'tee/nitro/aws_nitro_document.cbor'

async function statementOf(contentType: string, payload: Uint8Array): Promise<SignedStatement> {
  const bytes = await signStatement({
    ...{ payload, contentType, issuer: 'https://agent.example', subject: 'urn:build:1' },
    signer: testSigner(),
  })
  return parseSignedStatement(bytes)
}

describe.skipIf(!hasVectors)('evidence by its media type', () => {
  it.each([
    ['application/vnd.attestry.tdx-quote', QUOTE, 'tdx', 'mrtd:'],
    ['application/vnd.attestry.nitro-document', NITRO, 'nitro', 'pcr0:'],
  ])('%s is read, with a finding that it was not verified', async (type, file, tee, measured) => {
    const statement = await statementOf(type, readVector(file))
    expect(() => validatePayload({ statement })).not.toThrow()
    const { kind, attributes, findings } = describeStatement({ statement })
    expect(kind).toBe('tee-evidence')
    expect(attributes).toContainEqual({ name: 'tee-type', value: tee })
    expect(
      attributes.some(({ name, value }) => name === 'measurement' && value.startsWith(measured)),
    ).toBe(true)
    expect(findings.map(({ code }) => code)).toContain('evidence-not-verified')
  })

  it('a quote that is cut short is refused', async () => {
    const payload = readVector(QUOTE).slice(0, 600)
    const statement = await statementOf('application/vnd.attestry.tdx-quote', payload)
    expect(() => validatePayload({ statement })).toThrow(
      expect.objectContaining({ code: 'ERR_PAYLOAD_MALFORMED', pointer: '' }) as Error,
    )
  })
})

if (!hasVectors) console.warn('skipped: evidence by its media type needs shared/vectors')
