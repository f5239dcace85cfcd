/** What is kept between statements, media types and the anchors of an issuer: bounded, and never of other rules. */
import { describe, expect, it, vi } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { AttestryError } from '../../src/errors.ts'
import {
  authenticateInScope,
  issuersKept,
  ISSUERS_MAX,
} from '../../src/payload/authenticate-in-scope.ts'
import { mediaTypeName, mediaTypesKept, parseMediaType } from '../../src/payload/media-types.ts'
import { readPayloadFacts } from '../../src/payload/registration-facts.ts'
import { refersToLog } from '../../src/policy/evidence-givens.ts'
import { isAppraised } from '../../src/policy/tee-evidence.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { testSigner } from '../support/test-signer.ts'

const signer = testSigner()
const other = testSigner('EdDSA')

async function statementBy(issuer: string, subject = 'pkg:npm/a@1'): Promise<SignedStatement> {
  const payload = encodeUtf8('{}')
  const bytes = await signStatement({ payload, issuer, subject, contentType: 'text/plain', signer })
  return parseSignedStatement(bytes)
}

async function outcome(
  statement: SignedStatement,
  anchors: readonly TrustAnchor[],
): Promise<string> {
  const facts = () => readPayloadFacts(statement)
  try {
    const request = { statement, anchors, at: 1_780_000_000, verifier, facts }
    const { kind } = await authenticateInScope(request)
    return kind
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}

const anchor = (issuers: string, subjects?: string): TrustAnchor => ({
  kind: 'cose-key',
  key: signer.publicKey,
  issuers: [issuers],
  ...(subjects === undefined ? {} : { subjects: [subjects] }),
})

describe('anchors of an issuer', () => {
  it('are those of the list in force, whatever an earlier list said', async () => {
    const statement = await statementBy('https://a.example')
    const lists: readonly [readonly TrustAnchor[], string][] = [
      [[anchor('https://a.example')], 'authenticated'],
      [[anchor('https://b.example')], 'ERR_ISSUER_UNKNOWN'],
      [[], 'ERR_ISSUER_UNKNOWN'],
      [[{ ...anchor('*'), key: other.publicKey } as TrustAnchor], 'ERR_ISSUER_KEY'],
      [[anchor('*', 'pkg:npm/b@*')], 'out-of-scope'],
      [[anchor('*', 'pkg:npm/b@*'), anchor('*', 'pkg:npm/a@*')], 'authenticated'],
    ]
    // Twice and in turn: the second time, every list knows the issuer.
    for (const round of [1, 2]) {
      for (const [anchors, expected] of lists) {
        expect(await outcome(statement, anchors), `round ${round}`).toBe(expected)
        expect(issuersKept(anchors)).toBe(1)
      }
    }
  })

  it('are asked again of each statement: another subject may be out of scope', async () => {
    const anchors = [anchor('*', 'pkg:npm/a@*')]
    const subjects = { 'pkg:npm/a@1': 'authenticated', 'pkg:npm/b@1': 'out-of-scope' }
    for (const [subject, expected] of Object.entries(subjects)) {
      const statement = await statementBy('https://a.example', subject)
      expect(await outcome(statement, anchors)).toBe(expected)
    }
  })

  it('are not those of another issuer', async () => {
    const anchors = [anchor('https://a.example'), anchor('https://c.example')]
    for (const name of ['a', 'b', 'c', 'b', 'a']) {
      const statement = await statementBy(`https://${name}.example`)
      const expected = name === 'b' ? 'ERR_ISSUER_UNKNOWN' : 'authenticated'
      expect(await outcome(statement, anchors)).toBe(expected)
    }
  })

  it('are remembered of so many issuers, and of none with a long name', async () => {
    const anchors = [anchor('*')]
    const { headers, ...statement } = await statementBy('https://a.example')
    const named = (issuer: string): SignedStatement => ({
      ...statement,
      headers: { ...headers, issuer },
    })
    for (let i = 0; i < 3 * ISSUERS_MAX; i++) {
      expect(await outcome(named(`https://${i}.example`), anchors)).toBe('authenticated')
      expect(issuersKept(anchors)).toBeLessThanOrEqual(ISSUERS_MAX)
    }
    const before = issuersKept(anchors)
    expect(await outcome(named(`https://${'a'.repeat(600)}`), anchors)).toBe('authenticated')
    expect(issuersKept(anchors)).toBe(before)
  })
})

describe('media types', () => {
  it('are read the same the first and the second time, each spelling by itself', () => {
    const spellings = ['Text/Plain; Charset="utf-8"', 'text/plain;charset=UTF-8', 'text/plain', ' ']
    const read = (): unknown[] => spellings.map((text) => parseMediaType(text))
    const first = read()
    expect(read()).toEqual(first)
    expect(first).toEqual([
      { name: 'text/plain', parameters: new Map([['charset', 'utf-8']]) },
      { name: 'text/plain', parameters: new Map([['charset', 'UTF-8']]) },
      { name: 'text/plain', parameters: new Map() },
      { name: '', parameters: new Map() },
    ])
    expect(mediaTypeName('Text/Plain; Charset="utf-8"')).toBe('text/plain')
  })

  it('keep numbers and the texts of their decimals apart', () => {
    expect(parseMediaType(50).name).toBe('application/json')
    expect(parseMediaType('50').name).toBe('50')
    expect(parseMediaType(50).name).toBe('application/json')
    expect(parseMediaType(undefined).name).toBe('')
  })

  it('are few, and long ones are not kept', () => {
    for (let i = 0; i < 2000; i++) {
      expect(parseMediaType(`text/x-${i}; a=${i}`).parameters.get('a')).toBe(String(i))
      expect(mediaTypesKept()).toBeLessThanOrEqual(256)
    }
    const before = mediaTypesKept()
    expect(parseMediaType(`text/${'x'.repeat(300)}`).name).toHaveLength(305)
    expect(mediaTypesKept()).toBe(before)
  })

  it('are not searched for parameters where only the name of a long one is asked for', () => {
    const long = ` Text/Plain${';'.repeat(60_000)}`
    const search = vi.spyOn(String.prototype, 'match')
    try {
      for (let i = 0; i < 20; i++) expect(mediaTypeName(long)).toBe('text/plain')
      expect(search).not.toHaveBeenCalled()
    } finally {
      search.mockRestore()
    }
    expect(parseMediaType(long).name).toBe('text/plain')
  })

  it('have no parameters read before the issuer is known: whether it is evidence follows from the name', () => {
    const contentType = `text/plain${Array.from({ length: 20_000 }, (_, i) => `;a${i}=`).join('')}`
    const statement = { headers: { contentType } } as unknown as SignedStatement
    const search = vi.spyOn(String.prototype, 'match')
    const keep = vi.spyOn(Map.prototype, 'set')
    try {
      expect(isAppraised(statement, { teeEvidence: { trustAnchors: [] } as never })).toBe(false)
      expect(refersToLog({ statement })).toBe(false)
      expect(search).not.toHaveBeenCalled()
      expect(keep).not.toHaveBeenCalled()
    } finally {
      search.mockRestore()
      keep.mockRestore()
    }
    expect(parseMediaType(contentType).parameters.size).toBe(20_000)
  })
})
