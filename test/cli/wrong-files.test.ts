/** What people name by mistake, and outputs that nobody can write: the message says which file it was. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandLine, shell, temporaryFolder } from './attestry.ts'

const folder = temporaryFolder()
const cwd = folder.path
const { run, ok, json } = commandLine(() => cwd)
const SIGN = 'sign payload --key issuer.pem --issuer https://ci.example --subject s --type t/t'
const FULL = '/dev/full'

beforeAll(async () => {
  writeFileSync(join(cwd, 'payload'), 'hello\n')
  writeFileSync(join(cwd, 'garbage'), Uint8Array.of(0xff, 0xfe, 0xfd))
  mkdirSync(join(cwd, 'empty'))
  await ok('keygen', '--out', 'issuer.pem')
  await ok('init', '--data', 'log', '--origin', 'log.example')
  await ok('trust', 'add', 'trust.json', '--issuer', 'issuer.pub.cbor')
  for (const name of ['a.cose', 'b.cose']) await ok(...SIGN.split(' '), '-o', name)
})

afterAll(() => folder.remove())

describe('a file that holds something else', () => {
  it.each([
    ['an anchor', 1, ['trust', 'add', 'x.json', '--issuer', 'garbage']],
    ['an anchor of a log', 1, ['init', '--data', 'x', '--origin', 'x.example', '--trust', 'garbage']], // prettier-ignore
    ['a chain', 1, [...SIGN.split(' '), '--x5chain', 'garbage', '-o', 'x.cose']],
    ['a statement', 1, ['register', 'garbage', '--url', 'http://127.0.0.1:9']],
    ['a trust file', 4, ['verify', 'a.cose', '--trust', 'garbage']],
    ['a trust file to extend', 1, ['trust', 'add', 'garbage', '--issuer', 'issuer.pub.cbor']],
  ])('%s is named', async (_what, status, args) => {
    const result = await run(...args)
    expect(result.stderr).toMatch(/^attestry: garbage: .+ \(ERR_[A-Z0-9_]+\)$/m)
    expect(result.status).toBe(status)
  })
})

describe('a file where a directory should be', () => {
  it.each([
    ['init', ['init', '--data', 'payload', '--origin', 'x.example']],
    ['log export', ['log', 'export', '--data', 'log', '--out', 'payload']],
    ['backup', ['backup', '--data', 'log', '-o', 'payload']],
    ['register', ['register', 'a.cose', 'b.cose', '--url', 'http://127.0.0.1:9', '-o', 'payload']],
  ])('is no bug of ours: %s', async (_what, args) => {
    const result = await run(...args)
    expect(result.stderr).toMatch(/payload: exists and is not a directory \(ERR_FILE_EXISTS\)$/m)
    expect(result.status).toBe(1)
  })

  it.each(['payload', 'empty', 'nowhere'])('index rebuild finds no log: %s', async (data) => {
    const result = await run('index', 'rebuild', '--data', data)
    expect(result.stderr).toMatch(/there is no log in .* \(ERR_LOG_MISSING\)$/m)
    expect(result.status).toBe(1)
  })
})

describe.skipIf(!existsSync(FULL))('an output that cannot be written', () => {
  it.each([`verify a.cose --trust trust.json`, `inspect a.cose --json`, SIGN])(
    'is told, and is no answer: %s',
    async (line) => {
      const { status, stderr } = await shell(`attestry ${line} > ${FULL}`, { cwd })
      expect(stderr).toContain('attestry: standard output: no space left on the device (ERR_FILE)')
      expect(stderr).not.toMatch(/^\s+at /m)
      expect(status).toBe(4)
    },
  )

  it('of messages changes nothing: there is nobody to tell', async () => {
    const { status, stdout } = await shell(`attestry ${SIGN} 2> ${FULL} | cksum`, { cwd })
    expect([status, stdout]).not.toContain('0 0')
    expect((await shell(`attestry verify a.cose 2> ${FULL}`, { cwd })).status).toBe(4)
  })
})

describe('on the command line', () => {
  it('a suggestion is in the same line', async () => {
    const { stderr } = await run('verify', 'a.cose', '--trust', 'trust.json', '--jsno')
    expect(stderr).toContain("unknown option '--jsno' (Did you mean --json?) (ERR_USAGE)")
  })

  it('what is wrong with a value is one sentence', async () => {
    const option = await run('verify', 'a.cose', '--trust', 'trust.json', '--at', 'now')
    expect(option.stderr).toContain("argument 'now' is invalid: expected a time like")
    const argument = await run('payload', 'get', 'abc', '--url', 'http://127.0.0.1:9')
    expect(argument.stderr).toContain("is invalid for argument 'DIGEST': a payload is named")
    const choice = await run('attest', 'nonce', 'x')
    expect(choice.stderr).toContain("is invalid for argument 'TYPE'. Allowed choices are key,")
  })

  it('an anchor with an empty pattern would speak for nobody', async () => {
    const args = ['trust', 'add', 'x.json', '--issuer', 'issuer.pub.cbor=']
    const refused = await run(...args)
    expect(refused.stderr).toContain('the pattern of issuer.pub.cbor is empty (ERR_USAGE)')
    expect(refused.status).toBe(4)
    expect(existsSync(join(cwd, 'x.json'))).toBe(false)
    args.splice(-1, 1, 'issuer.pub.cbor=*')
    expect(await json(...args)).toMatchObject({ added: [{ issuers: ['*'] }] })
  })
})
