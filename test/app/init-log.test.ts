import { existsSync, readFileSync, statSync, writeFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkLog } from '../../src/app/check-log.ts'
import { initLog } from '../../src/app/init-log.ts'
import type { InitLogResult } from '../../src/app/init-log.ts'
import { parseOrigin } from '../../src/app/identity.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { parseRegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { testSigner } from '../support/test-signer.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()
let directories = 0
const newData = (): string => join(directory, `data-${directories++}`)

const anchors: readonly TrustAnchor[] = [
  { kind: 'cose-key', key: testSigner().publicKey, issuers: ['*'] },
]
const origin = 'log.example.org/2026'

describe('initLog', () => {
  it('makes keys, a log of two entries and a guard, private to their owner', async () => {
    const data = newData()
    const result = await initLog({ data, origin, anchors })
    if (result.kind !== 'created') throw new Error('expected a log')
    expect(result.names).toEqual({ origin, issuer: `https://${origin}` })
    expect(result.head.treeHead.treeSize).toBe(2)
    expect(statSync(data).mode % 0o1000).toBe(0o700)
    for (const name of ['receipt', 'checkpoint', 'registrar', 'operator']) {
      expect(statSync(join(data, 'keys', `${name}.pem`)).mode % 0o1000).toBe(0o600)
    }
    expect(existsSync(`${data}.guard`)).toBe(true)
    expect(await checkLog({ data })).toMatchObject({ entries: 2, guard: 2 })
  })

  it('puts the guard where it is told', async () => {
    const data = newData()
    const guard = join(directory, 'elsewhere.guard')
    await initLog({ data, origin, anchors, guard })
    expect(existsSync(guard)).toBe(true)
    expect(existsSync(`${data}.guard`)).toBe(false)
  })

  it('refuses a directory that holds a log, and leaves it as it is', async () => {
    const data = newData()
    await initLog({ data, origin, anchors })
    const before = readFileSync(join(data, 'keys', 'receipt.pem'))
    await expect(initLog({ data, origin, anchors })).rejects.toMatchObject({
      code: 'ERR_LOG_EXISTS',
    })
    expect(readFileSync(join(data, 'keys', 'receipt.pem'))).toEqual(before)
    expect(await checkLog({ data })).toMatchObject({ entries: 2 })
  })

  it('refuses when the guard of a deleted log is there', async () => {
    const data = newData()
    await initLog({ data, origin, anchors })
    rmSync(data, { recursive: true })
    await expect(initLog({ data, origin, anchors })).rejects.toMatchObject({
      code: 'ERR_LOG_EXISTS',
    })
  })

  it('refuses a directory with other things in it', async () => {
    const data = newData()
    mkdirSync(data)
    writeFileSync(join(data, 'thesis.txt'), '')
    const refusal = initLog({ data, origin, anchors })
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    expect(existsSync(join(data, 'keys'))).toBe(false)
  })
})

describe('initLog with a guard that cannot be written', () => {
  it.each([
    ['in a directory that is not there', join(directory, 'nowhere', 'log.guard')],
    ['in a file system that has no place for it', '/proc/attestry.guard'],
  ])('%s says so, and stands in the way of no other try', async (_, guard) => {
    const data = newData()
    const refusal = initLog({ data, origin, anchors, guard })
    await expect(refusal).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining(guard) as string,
    })
    expect(await initLog({ data, origin, anchors })).toMatchObject({ kind: 'created' })
  })
})

describe('initLog with an operator key that lives elsewhere', () => {
  async function toBeSigned(
    data: string,
    operator: Signer,
  ): Promise<Extract<InitLogResult, { kind: 'to-be-signed' }>> {
    const result = await initLog({ data, origin, anchors, operatorKey: operator.publicKey })
    if (result.kind !== 'to-be-signed') throw new Error('expected documents')
    return result
  }

  async function signDocuments(
    result: Extract<InitLogResult, { kind: 'to-be-signed' }>,
    signer: Signer,
  ): Promise<void> {
    for (const { document, signed, subject, contentType } of result.documents) {
      const payload = new Uint8Array(readFileSync(document))
      const { issuer } = result.names
      writeFileSync(signed, await signStatement({ payload, issuer, subject, contentType, signer }))
    }
  }

  it('writes the documents, then makes the log from the signed statements', async () => {
    const data = newData()
    const operator = testSigner('EdDSA')
    const first = await toBeSigned(data, operator)
    expect(existsSync(join(data, 'log.sqlite'))).toBe(false)
    const policy = parseRegistrationPolicy(
      new Uint8Array(readFileSync(join(data, 'genesis', 'registration-policy.json'))),
    )
    expect(policy.operatorKeys[0]!.spki).toEqual(operator.publicKey.spki)
    expect(policy.payloadValidator).toBe('attestry@1')
    expect(policy.teeEvidence).toEqual({ check: 'verified@1' })
    await signDocuments(first, operator)
    const second = await initLog({ data, origin, anchors, operatorKey: operator.publicKey })
    expect(second.kind).toBe('created')
    expect(existsSync(join(data, 'keys', 'operator.pem'))).toBe(false)
    expect(await checkLog({ data })).toMatchObject({ entries: 2 })
  })

  it('says the same again while a signature is missing, and overwrites nothing', async () => {
    const data = newData()
    const operator = testSigner()
    const first = await toBeSigned(data, operator)
    const edited = first.documents[0]!.document
    const text = readFileSync(edited, 'utf8').replace(
      '"contentTypes":["*"]',
      '"contentTypes":["a/b"]',
    )
    writeFileSync(edited, text)
    expect(await toBeSigned(data, operator)).toEqual(first)
    expect(readFileSync(edited, 'utf8')).toBe(text)
    await signDocuments(first, operator)
    const second = await initLog({ data, origin, anchors, operatorKey: operator.publicKey })
    expect(second.kind).toBe('created')
  })

  it('is not forgotten in the second step', async () => {
    const data = newData()
    await signDocuments(await toBeSigned(data, testSigner()), testSigner())
    const refusal = initLog({ data, origin, anchors })
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    await expect(refusal).rejects.toThrow('--operator-key')
    expect(existsSync(join(data, 'keys', 'operator.pem'))).toBe(false)
  })

  it('tells the anchors that were signed, not those of the command', async () => {
    const data = newData()
    const operator = testSigner()
    await signDocuments(await toBeSigned(data, operator), operator)
    const request = { data, origin, anchors: [], operatorKey: operator.publicKey }
    expect(await initLog(request)).toMatchObject({ kind: 'created', anchors })
  })

  it('refuses statements of another key, issuer, subject or type', async () => {
    const operator = testSigner()
    const changes: Partial<Parameters<typeof signStatement>[0]>[] = [
      { signer: testSigner() },
      { issuer: 'https://else.example' },
      { subject: 'else' },
      { contentType: 'application/json' },
      { payload: new TextEncoder().encode('{}') },
    ]
    for (const change of changes) {
      const data = newData()
      const first = await toBeSigned(data, operator)
      await signDocuments(first, operator)
      const { document, signed, subject, contentType } = first.documents[0]!
      const payload = new Uint8Array(readFileSync(document))
      const { issuer } = first.names
      const right = { payload, issuer, subject, contentType, signer: operator }
      writeFileSync(signed, await signStatement({ ...right, ...change }))
      const refusal = initLog({ data, origin, anchors, operatorKey: operator.publicKey })
      await expect(refusal).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
      await expect(refusal).rejects.toThrow(signed)
      expect(existsSync(join(data, 'log.sqlite'))).toBe(false)
    }
  })
})

describe('origins', () => {
  it.each([
    ['log.example.org', 'log.example.org', 'https://log.example.org'],
    ['log.example.org/2026', 'log.example.org/2026', 'https://log.example.org/2026'],
    ['https://log.example.org', 'log.example.org', 'https://log.example.org'],
    ['http://localhost:8080', 'localhost:8080', 'http://localhost:8080'],
  ])('%s', (text, origin, issuer) => {
    expect(parseOrigin(text)).toEqual({ origin, issuer })
  })

  it.each(['', ' ', 'a b', 'a+b', 'a\nb', 'a/', 'https://', 'a?b', 'user@host', 'x'.repeat(300)])(
    'refuses %j',
    (text) => {
      expect(() => parseOrigin(text)).toThrow('an origin is')
    },
  )
})
