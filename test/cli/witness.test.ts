/** Witnesses as processes: state that survives kill -9, a log that is witnessed, a quorum in verify. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createVerifierKey, encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { readNote, readProof, verifiedLines } from '../support/c2sp-reader.ts'
import { noteSigner } from '../support/note-keys.ts'
import { ForeignLog, post } from '../support/test-witness.ts'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'
import type { CliResult, RunningServer } from './attestry.ts'

const ISSUER = 'https://ci.example.org'
const ORIGIN = 'log.example.org'
const folder = temporaryFolder()
const cwd = folder.path
const at = (name: string): string => join(cwd, name)
const { run, ok } = commandLine(() => cwd)

/** The vkey of a log's checkpoint key file. */
function vkeyOf(pem: string): string {
  const { x } = createPublicKey(readFileSync(at(pem))).export({ format: 'jwk' })
  const publicKey = new Uint8Array(Buffer.from(x!, 'base64url'))
  return encodeVerifierKey(createVerifierKey({ kind: 'ed25519', name: ORIGIN, publicKey }))
}

const foreign = new ForeignLog(noteSigner('foreign.example/1'))
const witnessArgs = (data: string, ...logs: string[]): string[] =>
  ['witness', '--data', data, '--key', 'witness.pem', '--name', 'witness.example', '--port', '0',
    ...logs.flatMap((log) => ['--log', log])] // prettier-ignore
const startWitness = (data: string, ...logs: string[]): Promise<RunningServer> =>
  startServer(witnessArgs(data, ...logs), { cwd })
const vkeyFrom = (server: RunningServer): string => /verifier key (\S+)/.exec(server.output())![1]!

beforeAll(async () => {
  await ok('keygen', '--alg', 'EdDSA', '--out', 'witness.pem')
})
afterAll(() => {
  folder.remove()
})

describe('attestry witness', () => {
  it('remembers after kill -9 what it answered before', async () => {
    for (const [old, size] of [
      [0, 5],
      [5, 9],
      [9, 30],
    ] as const) {
      const server = await startWitness('kept', foreign.vkey)
      const answer = await post(server.url, await foreign.request(old, size))
      expect(answer.status).toBe(200)
      await answer.text()
      await server.stop('SIGKILL')
    }
    const server = await startWitness('kept', foreign.vkey)
    const rollback = await post(server.url, await foreign.request(5, 9))
    expect([rollback.status, await rollback.text()]).toEqual([409, '30\n'])
    const fork = new ForeignLog(foreign.signer, 'fork')
    expect((await post(server.url, await fork.request(30, 40))).status).toBe(422)
    expect(await server.stop()).toBe(0)
  })

  it('is killed amid requests, and never forgets one that it answered', async () => {
    let answered = 0
    for (let kills = 0; kills < 5; kills++) {
      const server = await startWitness('killed', foreign.vkey)
      const asking = (async () => {
        for (;;) {
          const request = await foreign.request(answered, answered + 1)
          const answer = await post(server.url, request).catch(() => undefined)
          if (answer === undefined) return
          const text = await answer.text().catch(() => undefined)
          if (text === undefined) return
          // Persisted, and killed before the answer: the size is one ahead of what we know.
          answered = answer.status === 409 ? Number(text) : answered + 1
          expect([200, 409]).toContain(answer.status)
          if (answered >= 60) return
        }
      })()
      await new Promise((resolve) => setTimeout(resolve, 20 + 15 * kills))
      await server.stop('SIGKILL')
      await asking
    }
    const server = await startWitness('killed', foreign.vkey)
    const probe = await post(server.url, await foreign.request(64, 64))
    const recorded = Number(await probe.text())
    expect(recorded).toBeGreaterThanOrEqual(answered)
    expect(recorded).toBeLessThanOrEqual(answered + 1)
    expect(await server.stop()).toBe(0)
  })

  it('refuses what would make it forget, or sign for two purposes', async () => {
    const refused = async (code: string, ...args: string[]): Promise<void> => {
      const result = await run(...args)
      expect(result.status, result.stdout).toBe(1)
      expect(result.stderr).toContain(code)
    }
    mkdirSync(at('other'))
    writeFileSync(at('other/something'), '')
    await refused('ERR_CONFIGURATION', ...witnessArgs('other', foreign.vkey))
    const otherName = witnessArgs('kept', foreign.vkey).map((arg) =>
      arg === 'witness.example' ? 'witness2.example' : arg,
    )
    await refused('ERR_KEY_MISMATCH', ...otherName)
    await refused('ERR_CONFIGURATION', ...witnessArgs('new', 'nonsense'))
    await refused('ERR_CONFIGURATION', ...witnessArgs('new', vkeyOf('witness.pem')))
    await ok('keygen', '--alg', 'ES256', '--out', 'es256.pem')
    const otherKey = witnessArgs('new', foreign.vkey).map((arg) =>
      arg === 'witness.pem' ? 'es256.pem' : arg,
    )
    await refused('ERR_KEY_FILE', ...otherKey)
    expect(existsSync(at('new'))).toBe(false)
    const server = await startWitness('kept', foreign.vkey)
    await refused('ERR_LOG_LOCKED', ...witnessArgs('kept', foreign.vkey))
    expect(await server.stop()).toBe(0)
  })
})

describe('a log with a witness', () => {
  let witness: RunningServer
  let log: RunningServer
  const serve = (data: string, ...more: string[]): string[] => [
    ...['serve', '--data', data, '--port', '0', '--witness-policy', 'policy.txt'],
    // No journal in between: sizes are compared.
    ...['--witness-interval-ms', '50', '--journal-interval-ms', '60000', ...more],
  ]
  const witnessed = (data = 'log'): string => {
    const path = at(`${data}/witnessed.checkpoint`)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  const sizeOf = (note: string): number => (note === '' ? 0 : Number(note.split('\n')[1]))
  const register = async (subject: string): Promise<CliResult> => {
    await ok('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', subject, '--type', 'text/plain', '-o', `${subject}.cose`) // prettier-ignore
    return run('register', `${subject}.cose`, '--url', log.url, '-o', `${subject}.transparent.cose`)
  }

  beforeAll(async () => {
    writeFileSync(at('payload.txt'), 'hello\n')
    await ok('keygen', '--out', 'issuer.pem')
    await ok('init', '--data', 'log', '--origin', ORIGIN, '--trust', `issuer.pub.cbor=${ISSUER}`)
    const vkey = vkeyOf('log/keys/checkpoint.pem')
    witness = await startWitness('w', vkey)
    writeFileSync(
      at('policy.txt'),
      `log ${vkey}\nwitness w ${vkeyFrom(witness)} ${witness.url}\nquorum w\n`,
    )
    log = await startServer(serve('log'), { cwd })
    await ok('trust', 'fetch', '--url', log.url, '-o', 'trust.json')
    await ok('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
  })
  afterAll(async () => {
    expect(await log.stop()).toBe(0)
    expect(await witness.stop()).toBe(0)
  })

  it('publishes checkpoints that others verify, and proofs that verify to quorum', async () => {
    expect((await register('demo')).status).toBe(0)
    await expect.poll(() => sizeOf(witnessed()), { timeout: 20_000 }).toBe(3)
    const [logKey, witnessKey] = [vkeyOf('log/keys/checkpoint.pem'), vkeyFrom(witness)]
    const published = await (await fetch(`${log.url}/checkpoint`)).text()
    for (const note of [witnessed(), published]) {
      expect(verifiedLines(note, logKey)).toHaveLength(1)
      expect(verifiedLines(note, witnessKey)).toHaveLength(1)
    }
    const inspected = JSON.parse(
      await ok('verify', 'demo.transparent.cose', '--trust', 'trust.json', '--json'),
    ) as { entryId: string }
    const proof = await (await fetch(`${log.url}/entries/${inspected.entryId}/tlog-proof`)).text()
    expect(readNote(readProof(proof, readFileSync(at('demo.cose')))).lines).toHaveLength(2)
    writeFileSync(at('demo.tlog-proof'), proof)

    const verify = (policy: string, file = 'demo.tlog-proof'): Promise<CliResult> =>
      run('verify', 'demo.transparent.cose', '--trust', 'trust.json', '--tlog-proof', file, '--tlog-policy', policy) // prettier-ignore
    const good = await verify('policy.txt')
    expect(good.status, good.stderr).toBe(0)
    expect(good.stdout).toMatch(
      /VERIFIED[^]*witnessed +3 entries of log\.example\.org[^]*witness\.example, \d{4}-/,
    )

    // The log's own signature alone, another witness, another statement: no quorum, no proof.
    writeFileSync(at('bare.tlog-proof'), proof.replace(/\u2014 witness\.example .*\n/, ''))
    expect(await verify('policy.txt', 'bare.tlog-proof')).toMatchObject({ status: 1 })
    // What `curl -o` makes of the 204 of an entry that no published checkpoint has yet.
    writeFileSync(at('empty.tlog-proof'), '')
    const early = await verify('policy.txt', 'empty.tlog-proof')
    expect(early.stdout).toMatch(
      /empty\.tlog-proof is empty: .*\(ERR_QUORUM\)\n(.*\n)*hint: .*fetch .* again/,
    )
    const other = noteSigner('other.example')
    const { name, publicKey } = other
    const stranger = encodeVerifierKey(
      createVerifierKey({ kind: 'cosignature/v1', name, publicKey }),
    )
    writeFileSync(at('other.txt'), `log ${logKey}\nwitness w ${stranger}\nquorum w\n`)
    const without = await verify('other.txt')
    expect([without.status, without.stdout]).toEqual([1, expect.stringContaining('ERR_QUORUM')])
    expect((await register('second')).status).toBe(0)
    const swapped = await run('verify', 'second.transparent.cose', '--trust', 'trust.json', '--tlog-proof', 'demo.tlog-proof', '--tlog-policy', 'policy.txt') // prettier-ignore
    expect([swapped.status, swapped.stdout]).toEqual([
      1,
      expect.stringContaining('ERR_RECEIPT_PROOF'),
    ])
    expect((await verify('payload.txt')).status).toBe(4)
    expect((await run('verify', 'demo.transparent.cose', '--trust', 'trust.json', '--tlog-policy', 'policy.txt')).status).toBe(4) // prettier-ignore
  })

  it('that requires witnesses answers 202 while they are away, and a Receipt when they are back', async () => {
    expect(await log.stop()).toBe(0)
    log = await startServer(serve('log', '--require-witness'), { cwd })
    expect((await register('third')).status).toBe(0)
    const before = sizeOf(witnessed())

    await witness.stop('SIGKILL')
    await ok('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', 'fourth', '--type', 'text/plain', '-o', 'fourth.cose') // prettier-ignore
    const posted = await fetch(`${log.url}/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/cose' },
      body: readFileSync(at('fourth.cose')),
    })
    expect(posted.status).toBe(202)
    const location = posted.headers.get('location')!
    const status = async (): Promise<number> => (await fetch(new URL(location, log.url))).status
    // Committed, and not there yet (SCRAPI: 204).
    expect(await status()).toBe(204)
    expect(sizeOf(await (await fetch(`${log.url}/checkpoint`)).text())).toBe(before)

    const port = new URL(witness.url).port
    const args = witnessArgs('w', vkeyOf('log/keys/checkpoint.pem'))
    witness = await startServer(
      args.map((arg) => (arg === '0' ? port : arg)),
      { cwd },
    )
    await expect.poll(status, { timeout: 30_000, interval: 200 }).toBe(200)
    expect(sizeOf(witnessed())).toBe(before + 1)
  })

  it('that is an older copy does not start, even with an adopted guard', async () => {
    expect(await log.stop()).toBe(0)
    cpSync(at('log'), at('old'), { recursive: true })
    // A copy from before: the backup that somebody restores.
    log = await startServer(serve('log'), { cwd })
    expect((await register('fifth')).status).toBe(0)
    // Two rules, five statements, and a journal each time the log was stopped.
    await expect.poll(() => sizeOf(witnessed()), { timeout: 20_000 }).toBe(9)
    expect(await log.stop()).toBe(0)

    await ok('guard', 'adopt', '--data', 'old')
    const result = await run(...serve('old'))
    expect(result.status).toBe(1)
    expect(result.stderr).toContain('ERR_WITNESS_AHEAD')
    log = await startServer(serve('log'), { cwd })
  })

  it('refuses a policy that is for another log, or requires nothing', async () => {
    const refused = async (policy: string, ...more: string[]): Promise<void> => {
      writeFileSync(at('bad.txt'), policy)
      const args = serve('log', ...more).map((arg) => (arg === 'policy.txt' ? 'bad.txt' : arg))
      const result = await run(...args)
      expect(result.status).toBe(1)
      expect(result.stderr).toContain('ERR_CONFIGURATION')
    }
    const { stop } = log
    expect(await stop()).toBe(0)
    const line = `witness w ${vkeyFrom(witness)} ${witness.url}\n`
    await refused(`log ${foreign.vkey}\n${line}quorum w\n`)
    await refused(`${line}quorum none\n`, '--require-witness')
    await refused('quorum none\n')
    await refused(`${line}quorum x\n`)
    rmSync(at('bad.txt'))
    log = await startServer(serve('log'), { cwd })
    renameSync(at('policy.txt'), at('policy.used.txt'))
  })
})
