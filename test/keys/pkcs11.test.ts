/** The signer for keys in tokens against SoftHSM, alone and as a log's receipt key. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adoptGuard, checkLog } from '../../src/app/check-log.ts'
import { readConfig } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { rotateKey } from '../../src/app/rotate-key.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { algorithmById } from '../../src/cose/algorithms.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { openPkcs11Signer } from '../../src/keys/pkcs11-signer.ts'
import type { Pkcs11Signer } from '../../src/keys/pkcs11-signer.ts'
import { parsePkcs11Uri } from '../../src/keys/pkcs11-uri.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { serve as serveProcess } from '../support/server-process.ts'
import { SoftHsm, softHsmMissing } from '../support/softhsm.ts'
import type { SoftToken } from '../support/softhsm.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

if (softHsmMissing !== undefined) {
  console.warn(`SKIPPED, keys in tokens are not tested: ${softHsmMissing}`)
}

const directory = temporaryDirectory()
let count = 0
const TOKENS = 14
const tokens: SoftToken[] = []

/** SoftHSM finds new tokens only when a process starts with it, so all are made before. */
beforeAll(() => {
  if (softHsmMissing !== undefined) return
  const hsm = new SoftHsm(directory)
  for (let at = 0; at < TOKENS; at++) tokens.push(hsm.token(`token ${at}`))
})

function newToken(): SoftToken {
  const token = tokens.pop()
  if (token === undefined) throw new Error('every test has a token of its own: raise TOKENS')
  return token
}

/** A file that holds `pin`. */
function pinFile(pin: string, mode = 0o600): string {
  const path = join(directory, `pin-${count++}`)
  writeFileSync(path, pin, { mode })
  return path
}

const signers: Pkcs11Signer[] = []

async function open(uri: string): Promise<Pkcs11Signer> {
  const signer = await openPkcs11Signer(parsePkcs11Uri(uri))
  signers.push(signer)
  return signer
}

/** A login belongs to the process and ends with its last session. */
afterEach(async () => {
  for (const one of signers.splice(0)) await one.close()
})

function refusal(message: string): unknown {
  const text = expect.stringContaining(message) as string
  return expect.objectContaining({ code: 'ERR_KEY_FILE', message: text })
}

describe.skipIf(softHsmMissing !== undefined)('openPkcs11Signer', () => {
  it.each([
    ['P-256', -7],
    ['Ed25519', -8],
  ] as const)('signs with a %s key, many at once, and the key never leaves', async (type, id) => {
    const token = newToken()
    const spki = token.addKey('log', type, '01')
    token.addKey('other', type, '02')
    const signer = await open(token.uri('log'))
    expect(signer.algorithm).toBe(id)
    expect(signer.publicKey.spki).toEqual(spki)
    const { scheme } = algorithmById(id)
    const messages = Array.from({ length: 50 }, (_, at) =>
      encodeUtf8(`message ${at}`.repeat(at + 1)),
    )
    const signatures = await Promise.all(messages.map((message) => signer.sign(message)))
    for (const [at, signature] of signatures.entries()) {
      expect(signature).toHaveLength(64)
      const request = { scheme, spki, signature }
      expect(await nodeSignatureVerifier.verify({ ...request, data: messages[at]! })).toBe(true)
      const data = messages[(at + 1) % 50]!
      expect(await nodeSignatureVerifier.verify({ ...request, data })).toBe(false)
    }
  })

  it('finds a key by its id, where two have one label', async () => {
    const token = newToken()
    token.addKey('log', 'P-256', '01')
    const second = token.addKey('log', 'P-256', '02')
    await expect(open(token.uri('log'))).rejects.toEqual(refusal('more than one such private key'))
    expect((await open(token.uri('log', { id: '02' }))).publicKey.spki).toEqual(second)
  })

  it('refuses a wrong PIN, after one try and without telling it', async () => {
    const token = newToken()
    token.addKey('log', 'P-256', '01')
    const wrong = open(token.uri('log', { pinPath: pinFile('918273') }))
    await expect(wrong).rejects.toEqual(refusal('is wrong'))
    await expect(wrong).rejects.not.toThrow('918273')
    // The refused session is closed, and the right PIN opens.
    await open(token.uri('log'))
  })

  it('refuses a PIN file that is missing, empty, or open to others', async () => {
    const uri = (pinPath: string): string => token.uri('log', { pinPath })
    const token = newToken()
    await expect(open(uri('/nowhere/pin'))).rejects.toEqual(refusal('the PIN file /nowhere/pin'))
    await expect(open(uri(pinFile('\n')))).rejects.toEqual(refusal('is empty'))
    await expect(open(uri(pinFile('1234', 0o644)))).rejects.toEqual(refusal('open to others'))
  })

  it('refuses a missing library, token or key, and says what there is', async () => {
    const token = newToken()
    token.addKey('log', 'P-256', '01')
    const uri = token.uri('log')
    const library = uri.replace(/module-path=[^&]*/, 'module-path=/nowhere/lib.so')
    await expect(open(library)).rejects.toEqual(refusal('/nowhere/lib.so cannot be loaded'))
    const other = uri.replace(/token=[^;]*/, 'token=no%20such')
    await expect(open(other)).rejects.toEqual(refusal(`"${token.label}"`))
    await expect(open(token.uri('none'))).rejects.toEqual(refusal('no such private key'))
  })

  it('refuses keys of other curves', async () => {
    const token = newToken()
    token.addKey('log', 'P-384', '01')
    await expect(open(token.uri('log'))).rejects.toEqual(refusal('neither of P-256 nor of Ed25519'))
  })

  it('refuses a public half that is not the one of the private key', async () => {
    const token = newToken()
    token.addKey('log', 'P-256', '01')
    token.addKey('other', 'P-256', '02')
    token.swapPublicKeys(['log', 'other'])
    const refused = refusal('not the one of the private key')
    await expect(open(token.uri('log'))).rejects.toEqual(refused)
  })

  it('fails when the token is pulled out, and after it is closed', async () => {
    const token = newToken()
    token.addKey('log', 'P-256', '01')
    const signer = await open(token.uri('log'))
    await signer.sign(encodeUtf8('before'))
    token.remove()
    await expect(signer.sign(encodeUtf8('after'))).rejects.toEqual(refusal('does not sign (CKR_'))
    await expect(open(token.uri('log'))).rejects.toEqual(refusal('there is no such token'))
    await signer.close()
    await expect(signer.sign(encodeUtf8('closed'))).rejects.toEqual(refusal('was closed'))
  })
})

const issuer = testSigner()
const anchors = [{ kind: 'cose-key' as const, key: issuer.publicKey, issuers: ['*'] }]
const running: RunningRegistry[] = []

async function create(receiptKey?: string): Promise<string> {
  const data = join(directory, `data-${count++}`)
  await initLog({ data, origin: 'log.example.org', anchors, receiptKey })
  return data
}

async function serve(data: string, receiptKey?: string): Promise<RunningRegistry> {
  const config = readConfig({ data, port: 0, receiptKey }, { report: () => undefined })
  const registry = await startRegistry(config)
  running.push(registry)
  return registry
}

afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

function statement(text: string): Promise<Uint8Array> {
  const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
  return signStatement({ payload: encodeUtf8(text), ...names, signer: issuer })
}

function post(url: string, body: Uint8Array): Promise<Response> {
  const headers = { 'Content-Type': 'application/cose' }
  return fetch(`${url}/entries`, { method: 'POST', headers, body: new Uint8Array(body) })
}

/** Registers a statement and verifies its Receipt with the published keys; the SPKI of the key. */
async function register(url: string, body: Uint8Array): Promise<Uint8Array> {
  const response = await post(url, body)
  expect([200, 201]).toContain(response.status)
  const receipt = parseReceipt(new Uint8Array(await response.arrayBuffer()))
  const keySet = await fetch(`${url}/.well-known/scitt-keys`)
  const keys = parseCoseKeySet(new Uint8Array(await keySet.arrayBuffer()))
  const key = keys.find(({ kid }) => Buffer.compare(kid!, receipt.keyId!) === 0)!
  await verifyInclusionReceipt({
    receipt,
    entry: parseSignedStatement(body).entry,
    key,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier: nodeSignatureVerifier,
  })
  return key.spki
}

describe.skipIf(softHsmMissing !== undefined)('a log whose receipt key is in a token', () => {
  it('is created with it, gives Receipts that verify, and has no key file', async () => {
    const token = newToken()
    const spki = token.addKey('receipt', 'P-256', '01')
    const data = await create(token.uri('receipt'))
    expect(existsSync(join(data, 'keys', 'receipt.pem'))).toBe(false)
    const registry = await serve(data, token.uri('receipt'))
    expect(await register(registry.url, await statement('one'))).toEqual(spki)
    await registry.close()
    // Two of genesis, this one, and the journal of the end.
    expect(await checkLog({ data })).toMatchObject({ entries: 4 })
  })

  it('does not start with another key, nor without the URI', async () => {
    const token = newToken()
    token.addKey('receipt', 'P-256', '01')
    token.addKey('other', 'P-256', '02')
    token.addKey('checkpoint', 'Ed25519', '03')
    const data = await create(token.uri('receipt'))
    const other = serve(data, token.uri('other'))
    await expect(other).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
    await expect(serve(data, token.uri('checkpoint'))).rejects.toEqual(refusal('no ES256 key'))
    await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    expect(() => readConfig({ data, receiptKey: 'receipt.pem' })).toThrow(
      '--receipt-key names no key: ',
    )
  })

  it('stops when the token is pulled out; the next start finishes what was stored', async () => {
    const token = newToken()
    token.addKey('receipt', 'P-256', '01')
    const data = await create(token.uri('receipt'))
    const registry = await serve(data, token.uri('receipt'))
    await register(registry.url, await statement('before'))
    const putBack = token.remove()
    const body = await statement('meanwhile')
    expect((await post(registry.url, body)).status).toBe(503)
    const end = await registry.closed
    expect(end.kind === 'fatal' && end.error).toEqual(refusal('does not sign (CKR_'))
    await expect(serve(data, token.uri('receipt'))).rejects.toEqual(refusal('no such token'))
    putBack()
    // A process of its own: SoftHSM looks for tokens once.
    const next = await serveProcess(data, '--receipt-key', token.uri('receipt'))
    await register(next.url, body)
    expect(await next.stop()).toBe(0)
  })

  it('can be had by rotation, and its guard adopted', async () => {
    const token = newToken()
    const spki = token.addKey('receipt', 'P-256', '01')
    const receiptKey = token.uri('receipt')
    const data = await create()
    const checkpoint = rotateKey({ data }, 'checkpoint', receiptKey)
    await expect(checkpoint).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    const { path, publicKey } = await rotateKey({ data }, 'receipt', receiptKey)
    expect([path, publicKey.spki]).toEqual([parsePkcs11Uri(receiptKey).name, spki])
    await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
    const guard = `${data}.adopted`
    expect((await adoptGuard({ data, guard, receiptKey })).head.treeHead.treeSize).toBe(2)
    const { url } = await serve(data, receiptKey)
    expect(await register(url, await statement('rotated'))).toEqual(spki)
  })
})
