/** The command line's contract: exit statuses, pipes, JSON, files, and what a terminal gets. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { verifySign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { attestry, hosted, shell, startServer, temporaryFolder } from './attestry.ts'
import type { CliResult, RunningServer } from './attestry.ts'

const ISSUER = 'https://ci.example.org'
const folder = temporaryFolder()
const cwd = folder.path
const at = (name: string): string => join(cwd, name)
let server: RunningServer

const run = (...args: string[]): Promise<CliResult> => hosted(args, { cwd })
const signAs = (subject: string, output: string, ...more: string[]): Promise<CliResult> =>
  run('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', subject, '--type', 'text/plain', '-o', output, ...more) // prettier-ignore
const json = (result: CliResult): Record<string, unknown> => {
  expect(result.stdout.trim().split('\n'), result.stderr).toHaveLength(1)
  return JSON.parse(result.stdout) as Record<string, unknown>
}

beforeAll(async () => {
  writeFileSync(at('payload.txt'), 'hello\n')
  await run('keygen', '--out', 'issuer.pem')
  await run('init', '--data', 'log', '--origin', 'log.example.org', '--trust', `issuer.pub.cbor=${ISSUER}`) // prettier-ignore
  server = await startServer(['serve', '--data', 'log', '--port', '0', '--json'], { cwd })
  await signAs('demo', 'demo.cose')
  await run('register', 'demo.cose', '--url', server.url, '-o', 'demo.transparent.cose')
  await run('trust', 'fetch', '--url', server.url, '-o', 'log.json')
  copyFileSync(at('log.json'), at('trust.json'))
  await run('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
})

afterAll(async () => {
  // SIGTERM drains: the process ends by itself, with status 0.
  expect(await server.stop()).toBe(0)
  expect(server.output()).toContain('"event":"closed"')
  folder.remove()
})

describe('exit statuses', () => {
  const table: readonly (readonly [string, number, readonly string[]])[] = [
    ['no command', 4, []],
    ['an unknown command', 4, ['frobnicate']],
    ['a command group alone', 4, ['trust']],
    ['an unknown option', 4, ['keygen', '--out', 'x.pem', '--loud']],
    ['a missing option', 4, ['sign', 'payload.txt']],
    ['a missing argument', 4, ['verify', '--trust', 'trust.json']],
    ['a bad value', 4, ['serve', '--data', 'log', '--port', '70000']],
    ['JSON and bytes on one output', 4, ['sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i', '--subject', 's', '--type', 't/t', '--json']], // prettier-ignore
    ['a subject of an unset variable', 4, ['sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', '', '--type', 't/t', '-o', 'foo.cose']], // prettier-ignore
    ['an issuer of an unset variable', 4, ['sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', '', '--subject', 's', '--type', 't/t', '-o', 'foo.cose']], // prettier-ignore
    ['a token of nobody', 4, ['token', 'add', '--data', 'log', '--name', '']],
    ['a first token of nobody', 4, ['init', '--data', 'empty-name', '--origin', 'log.example', '--token', ' ']], // prettier-ignore
    ['a type without a slash', 4, ['sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', 's', '--type', 'foo', '-o', 'foo.cose']], // prettier-ignore
    ['help', 0, ['verify', '--help']],
    ['version', 0, ['--version']],
    ['a failure', 1, ['inspect', 'nothing.cose']],
    ['no service', 1, ['trust', 'fetch', '--url', 'http://127.0.0.1:9', '-o', 'x.json']],
    ['verify: verified', 0, ['verify', 'demo.transparent.cose', '--trust', 'trust.json']],
    ['verify: garbage', 1, ['verify', 'payload.txt', '--trust', 'trust.json']],
    ['verify: no receipt', 1, ['verify', 'demo.cose', '--trust', 'trust.json']],
    ['verify: unknown issuer', 3, ['verify', 'demo.transparent.cose', '--trust', 'log.json']],
    ['verify: receipt only', 0, ['verify', 'demo.transparent.cose', '--trust', 'log.json', '--receipt-only']], // prettier-ignore
    ['verify: no such file', 4, ['verify', 'nothing.cose', '--trust', 'trust.json']],
    ['verify: no trust file', 4, ['verify', 'demo.transparent.cose', '--trust', 'nothing.json']],
    ['verify: not a trust file', 4, ['verify', 'demo.transparent.cose', '--trust', 'payload.txt']],
    ['verify: a bad time', 4, ['verify', 'demo.transparent.cose', '--trust', 'trust.json', '--at', 'now']], // prettier-ignore
  ]

  it.each(table)('%s: %i', async (_name, status, args) => {
    const result = await attestry(args, { cwd })
    expect(result.status, result.stdout + result.stderr).toBe(status)
    expect(result.stderr).not.toMatch(/^\s+at /m)
    if (status === 4 && args.length > 1) {
      expect(result.stderr).toMatch(/^attestry: .+ \(ERR_[A-Z_]+\)$/m)
    }
  })

  it('errors with --json are one JSON object with code, message and hint', async () => {
    const result = await run('verify', 'demo.transparent.cose', '--json')
    expect(json(result)).toMatchObject({ error: { code: 'ERR_USAGE', hint: 'attestry verify --help' } }) // prettier-ignore
    const deeper = await run('trust', 'fetch', '--json')
    expect(json(deeper)).toMatchObject({ error: { hint: 'attestry trust fetch --help' } })
    const missing = await run('inspect', 'nothing.cose', '--json')
    expect(json(missing)).toMatchObject({ error: { code: 'ERR_FILE' } })
  })

  it('a stack trace is printed for ATTESTRY_DEBUG only', async () => {
    const env = { ATTESTRY_DEBUG: '1' }
    const result = await attestry(['inspect', 'nothing.cose'], { cwd, env })
    expect(result.stderr).toMatch(/^\s+at /m)
  })
})

describe('--json', () => {
  it.each([
    ['inspect', ['inspect', 'demo.transparent.cose'], { kind: 'Transparent Statement with 1 receipt', verified: false }],
    ['register', ['register', 'demo.cose', '--url'], { leafIndex: 2, positionAuthenticated: true }],
    ['trust fetch', ['trust', 'fetch', '-o', 'log.json', '--url'], { change: 'unchanged' }],
    ['trust add', ['trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`], { added: [] }],
    ['verify', ['verify', 'demo.transparent.cose', '--trust', 'trust.json'], { outcome: 'verified', issuer: ISSUER }],
    ['verify, unknown issuer', ['verify', 'demo.transparent.cose', '--trust', 'log.json'], { outcome: 'cannot-tell', missing: 'issuer-anchor' }],
    ['log check', ['log', 'check', '--data', 'log'], { origin: 'log.example.org' }],
  ])('%s prints one object', async (_name, args, expected) => {
    const url = args.at(-1) === '--url' ? [server.url] : []
    expect(json(await run(...args, ...url, '--json'))).toMatchObject(expected)
  }) // prettier-ignore

  it('serve says where it listens', () => {
    expect(server.output()).toContain(`{"listening":"${server.url}"}\n`)
  })
})

describe('pipes', () => {
  it('sign | register | verify, without files in between', async () => {
    const result = await shell(
      `cat payload.txt | attestry sign - --key issuer.pem --issuer ${ISSUER} --subject piped \\
         --type text/plain |
       attestry register - --url ${server.url} -o - |
       attestry verify - --trust trust.json --payload payload.txt`,
      { cwd },
    )
    expect(result.stdout).toMatch(/^standard input: VERIFIED\n/)
    expect(result.status).toBe(0)
  })

  it('the output is exactly the file that -o writes', async () => {
    const args = ['--issued-at', '0', '--alg', 'EdDSA']
    await run('keygen', '--alg', 'EdDSA', '--out', 'ed.pem')
    const sign = ['sign', '-', '--key', 'ed.pem', '--issuer', 'i:x', '--subject', 's', '--type', 't/t'] // prettier-ignore
    const piped = await attestry([...sign, ...args], { cwd, stdin: 'x' })
    await attestry([...sign, ...args, '-o', 'ed.cose'], { cwd, stdin: 'x' })
    expect(piped.stdoutBytes).toEqual(new Uint8Array(readFileSync(at('ed.cose'))))
  })

  it('a reader that goes away is not an error', async () => {
    const result = await shell('attestry inspect demo.transparent.cose | true', { cwd })
    expect(result.stderr).toBe('')
  })
})

describe('keys', () => {
  it('are private, and with their thumbprint as kid', async () => {
    expect(statSync(at('issuer.pem')).mode & 0o777).toBe(0o600)
    expect((await run('inspect', 'issuer.pub.cbor')).stdout).toMatch(/^kid +the thumbprint$/m)
  })

  it.each(['ES384', 'ES512', 'Ed25519', 'PS384'])('%s signs what verifies', async (alg) => {
    const key = `${alg}.pem`
    await run('keygen', '--alg', alg, '--out', key)
    const more = ['--key', key]
    await signAs(`by ${alg}`, `${alg}.cose`, ...more)
    const message = parseSign1(new Uint8Array(readFileSync(at(`${alg}.cose`))))
    const publicKey = parseCoseKey(new Uint8Array(readFileSync(at(`${alg}.pub.cbor`))))
    expect(message.protectedHeader.get(1)).toBe(publicKey.algorithm)
    await verifySign1({
      ...{ message, key: publicKey, verifier: webCryptoVerifier },
      failure: 'ERR_STATEMENT_SIGNATURE',
    })
  })

  it('a key file that others can read is refused', async () => {
    copyFileSync(at('issuer.pem'), at('open.pem'))
    chmodSync(at('open.pem'), 0o640)
    const result = await signAs('x', 'x.cose', '--key', 'open.pem')
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/open to others.*\(ERR_KEY_FILE\)/)
  })

  it('an unknown algorithm writes nothing', async () => {
    const result = await run('keygen', '--alg', 'HS256', '--out', 'hs.pem')
    expect(result.status).toBe(4)
    expect(() => statSync(at('hs.pem'))).toThrow()
  })
})

describe('what a terminal gets', () => {
  // C0 except line feed, DEL, C1, bidirectional controls.

  const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
  const evil = 'demo\u001b[2J\u009b31m\u202egnp\u2066'

  it('no control character of a claim, a payload or a file name', async () => {
    writeFileSync(at('evil.txt'), '\u001b]0;owned\u0007 text')
    const sign = ['sign', 'evil.txt', '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', evil, '--type', 'text/plain', '-o', 'evil.cose'] // prettier-ignore
    const signed = await run(...sign)
    const registered = await run('register', 'evil.cose', '--url', server.url, '-o', 'e.t.cose')
    const inspected = await run('inspect', 'e.t.cose')
    const verified = await run('verify', 'e.t.cose', '--trust', 'trust.json')
    const verifiedJson = await run('verify', 'e.t.cose', '--trust', 'trust.json', '--json')
    const missing = await run('inspect', '\u001b[31mred.cose')
    for (const { stdout, stderr } of [
      signed,
      registered,
      inspected,
      verified,
      verifiedJson,
      missing,
    ]) {
      expect(stdout).not.toMatch(raw)
      expect(stderr).not.toMatch(raw)
    }
    expect(inspected.stdout).toContain('demo\\u{1b}[2J\\u{9b}31m\\u{202e}gnp\\u{2066}')
    expect(registered.status, registered.stderr).toBe(0)
    expect(json(verifiedJson)['subject']).toBe(evil)
  })

  it('no colour without a terminal', async () => {
    expect((await run('verify', 'demo.transparent.cose', '--trust', 'trust.json')).stdout).toMatch(
      /^demo\.transparent\.cose: VERIFIED\n/,
    )
  })
})

describe('trust', () => {
  it('verifies in another directory, with nothing but two files', async () => {
    const elsewhere = temporaryFolder()
    try {
      for (const name of ['demo.transparent.cose', 'trust.json']) {
        copyFileSync(at(name), join(elsewhere.path, name))
      }
      const args = ['verify', 'demo.transparent.cose', '--trust', 'trust.json']
      const result = await attestry(args, { cwd: elsewhere.path })
      expect(result.status, result.stderr).toBe(0)
    } finally {
      elsewhere.remove()
    }
  })

  it('refuses a log that presents other keys than the pinned ones', async () => {
    const pinned = JSON.parse(readFileSync(at('log.json'), 'utf8')) as {
      logs: { keys: string[] }[]
    }
    const other = readFileSync(at('issuer.pub.cbor')).toString('base64url')
    pinned.logs[0]!.keys = [other]
    writeFileSync(at('changed.json'), JSON.stringify(pinned))
    const fetchAgain = ['trust', 'fetch', '--url', server.url, '-o', 'changed.json']
    const refused = await run(...fetchAgain)
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain('ERR_PIN_CHANGED')
    expect(JSON.parse(readFileSync(at('changed.json'), 'utf8'))).toEqual(pinned)
    expect((await run(...fetchAgain, '--replace')).status).toBe(0)
    expect(readFileSync(at('changed.json'), 'utf8')).toBe(readFileSync(at('log.json'), 'utf8'))
  })

  it('register says no when the Receipt is not of the trusted log', async () => {
    await run('init', '--data', 'log2', '--origin', 'other.example.org', '--trust', 'issuer.pub.cbor') // prettier-ignore
    const other = await startServer(['serve', '--data', 'log2', '--port', '0'], { cwd })
    try {
      const args = ['register', 'demo.cose', '--url', other.url, '--trust', 'trust.json']
      const result = await run(...args, '-o', 'no.cose')
      expect(result.status).toBe(1)
      expect(result.stderr).toContain('ERR_RECEIPT_LOG_UNKNOWN')
      expect(() => statSync(at('no.cose'))).toThrow()
    } finally {
      await other.stop()
    }
  })

  it('a file name may hold the = that starts a pattern', async () => {
    mkdirSync(at('a=b'))
    copyFileSync(at('issuer.pub.cbor'), at('a=b/key.cbor'))
    const result = await run('trust', 'add', 'eq.json', '--issuer', 'a=b/key.cbor=https://x.example/?a=*', '--json') // prettier-ignore
    expect(json(result)['added']).toMatchObject([{ issuers: ['https://x.example/?a=*'] }])
  })
})

describe('entry ids', () => {
  it('are what sha256sum prints for the canonical file', async () => {
    const signed = json(await signAs('digest', 'digest.cose', '--json'))
    expect(signed['entryId']).toBe(
      encodeHex(sha256(new Uint8Array(readFileSync(at('digest.cose'))))),
    )
  })

  it('too large a payload is signed by its digest, and stays a file', async () => {
    writeFileSync(at('big.bin'), new Uint8Array(70_000))
    const sign = ['sign', 'big.bin', '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', 's', '--type', 't/t', '-o', 'big.cose'] // prettier-ignore
    const signed = await run(...sign)
    expect(signed.status).toBe(0)
    expect(signed.stdout).toMatch(/withheld, only its SHA-256[\s\S]*register --payload/)
    // The text of `register` says what to do; a payload that nobody kept is not signed at all.
    const lost = await attestry(['sign', '-', ...sign.slice(2)], {
      ...{ cwd, stdin: new Uint8Array(70_000) },
    })
    expect([lost.status, lost.stderr.includes('ERR_USAGE')]).toEqual([4, true])
  })
})
