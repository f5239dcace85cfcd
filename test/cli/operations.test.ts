/** What an operator does around a log: quickstart, genesis in two steps, a lost guard. */
import { readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => {
  folder.remove()
})

const { run, ok } = commandLine(() => folder.path)
const at = (name: string): string => join(folder.path, name)

interface Quickstart {
  readonly created: boolean
  readonly portTaken: boolean
  readonly samples: readonly { entryId: string; leafIndex: number; transparentFile: string }[]
}

describe('quickstart', () => {
  it('registers and verifies one statement of each family, and again without change', async () => {
    const quickstart = ['quickstart', '--exit', '--json', '--port', '0']
    const first = JSON.parse(await ok(...quickstart)) as Quickstart
    expect(first.created).toBe(true)
    expect(first.samples.map(({ leafIndex }) => leafIndex)).toEqual([2, 3, 4])
    const second = JSON.parse(await ok(...quickstart)) as Quickstart
    expect(second.created).toBe(false)
    const ids = (run: Quickstart): string[] => run.samples.map(({ entryId }) => entryId)
    expect(ids(second)).toEqual(ids(first))
    expect(second.samples.map(({ leafIndex }) => leafIndex)).toEqual([2, 3, 4])

    for (const { transparentFile } of second.samples) {
      await ok('verify', transparentFile, '--trust', 'data.quickstart/trust.json')
    }
    const checked = JSON.parse(await ok('log', 'check', '--data', 'data', '--json')) as object
    // With the journal that the first run wrote when it ended; the second had nothing to add.
    expect(checked).toMatchObject({ treeSize: 6, guard: 6 })
  })

  it('says that the port was taken, takes another, and serves until it is told to stop', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    try {
      const port = String((other.address() as AddressInfo).port)
      const server = await startServer(['quickstart', '--port', port], { cwd: folder.path })
      expect(server.url).not.toContain(`:${port}`)
      expect(server.output()).toMatch(/port was taken/)
      expect((await fetch(`${server.url}/health`)).status).toBe(200)
      expect(await server.stop('SIGINT')).toBe(0)
    } finally {
      other.close()
    }
  })

  it('does not touch a log that it did not make', async () => {
    await ok('init', '--data', 'data', '--origin', 'log.example.org')
    const result = await run('quickstart', '--exit', '--port', '0')
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/not made by quickstart/)
    expect(readdirSync(folder.path)).not.toContain('data.quickstart')
  })
})

describe('init with an operator key that lives elsewhere', () => {
  it('takes two steps and never sees the private key', async () => {
    await ok('keygen', '--alg', 'ES384', '--out', 'operator.pem')
    const init = ['init', '--data', 'log', '--origin', 'log.example.org', '--operator-key', 'operator.pub.cbor'] // prettier-ignore
    const first = JSON.parse(await ok(...init, '--json')) as {
      result: string
      issuer: string
      documents: { document: string; signed: string; subject: string; contentType: string }[]
    }
    expect(first.result).toBe('to-be-signed')
    expect(first.documents).toHaveLength(2)
    for (const { document, signed, subject, contentType } of first.documents) {
      await ok('sign', document, '--key', 'operator.pem', '--issuer', first.issuer, '--subject', subject, '--type', contentType, '-o', signed) // prettier-ignore
    }
    expect(await ok(...init)).toMatch(/^created the log log\.example\.org in log\n/)
    expect(readdirSync(at('log/keys'))).not.toContain('operator.pem')
    await ok('log', 'check', '--data', 'log')
  })

  it('prints commands that can be pasted, wherever the directory is', async () => {
    await ok('keygen', '--out', 'operator.pem')
    const place = ['--data', 'my log', '--origin', 'log.example.org']
    const text = await ok('init', ...place, '--operator-key', 'operator.pub.cbor')
    expect(text).toContain(` sign '${at('my log/genesis/registration-policy.json')}' --key`)
    expect(text).toContain(` -o '${at('my log/genesis/trust-anchors.cose')}'`)
    const created = await ok('init', '--data', "it's", '--origin', 'log.example.org')
    expect(created).toContain(`Start it: attestry serve --data 'it'\\''s'\n`)
  })

  it('refuses documents that another key signed', async () => {
    await ok('keygen', '--out', 'operator.pem')
    await ok('keygen', '--out', 'other.pem')
    const init = ['init', '--data', 'log', '--origin', 'log.example.org', '--operator-key', 'operator.pub.cbor'] // prettier-ignore
    const { documents } = JSON.parse(await ok(...init, '--json')) as {
      documents: { document: string; signed: string; subject: string; contentType: string }[]
    }
    for (const { document, signed, subject, contentType } of documents) {
      await ok('sign', document, '--key', 'other.pem', '--issuer', 'https://log.example.org', '--subject', subject, '--type', contentType, '-o', signed) // prettier-ignore
    }
    const result = await run(...init)
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/registration-policy\.cose/)
  })
})

describe('a lost guard', () => {
  it('is adopted only when what was seen outside is in the log', async () => {
    await ok('keygen', '--out', 'issuer.pem')
    const init = ['--origin', 'log.example.org', '--trust', 'issuer.pub.cbor']
    await ok('init', '--data', 'log', ...init)
    await ok('init', '--data', 'fork', ...init)
    writeFileSync(at('payload.txt'), 'x')
    await ok('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', 's', '--type', 't/t', '-o', 's.cose') // prettier-ignore
    for (const data of ['log', 'fork']) {
      const server = await startServer(['serve', '--data', data, '--port', '0'], { cwd: folder.path }) // prettier-ignore
      await ok('register', 's.cose', '--url', server.url, '-o', `${data}.transparent.cose`)
      const head = await fetch(`${server.url}/heads/current`)
      writeFileSync(at(`${data}.head.cose`), new Uint8Array(await head.arrayBuffer()))
      expect(await server.stop()).toBe(0)
    }
    renameSync(at('log.guard'), at('lost'))
    // The last one is neither: it is named, too.
    for (const seen of ['fork.transparent.cose', 'fork.head.cose', 'payload.txt']) {
      const refused = await run('guard', 'adopt', '--data', 'log', '--seen', seen)
      expect(refused.status, seen).toBe(1)
      expect(refused.stderr).toContain(seen)
    }
    const adopted = await ok('guard', 'adopt', '--data', 'log', '--seen', 'log.transparent.cose', '--seen', 'log.head.cose') // prettier-ignore
    expect(adopted).toMatch(/^seen heads +2, all in this log$/m)
    const server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path }) // prettier-ignore
    expect(await server.stop()).toBe(0)
  })

  it.each(['s.transparent.cose', 'head.cose'])(
    'leaves the newest head as it was served, which %s shows',
    async (seen) => {
      await ok('keygen', '--out', 'issuer.pem')
      await ok('init', '--data', 'log', '--origin', 'log.example.org', '--trust', 'issuer.pub.cbor')
      writeFileSync(at('payload.txt'), 'x')
      await ok('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', 's', '--type', 't/t', '-o', 's.cose') // prettier-ignore
      const serve = ['serve', '--data', 'log', '--port', '0']
      const server = await startServer(serve, { cwd: folder.path })
      await ok('register', 's.cose', '--url', server.url, '-o', 's.transparent.cose')
      const readHead = async (url: string): Promise<Uint8Array> =>
        new Uint8Array(await (await fetch(`${url}/heads/3`)).arrayBuffer())
      const served = await readHead(server.url)
      writeFileSync(at('head.cose'), served)
      await server.stop('SIGKILL')
      renameSync(at('log.guard'), at('lost'))
      await ok('guard', 'adopt', '--data', 'log', '--seen', seen)
      const again = await startServer(serve, { cwd: folder.path })
      expect(await readHead(again.url)).toEqual(served)
      expect(await again.stop()).toBe(0)
    },
  )
})

describe('log check', () => {
  it('finds one changed byte of an entry', async () => {
    await ok('init', '--data', 'log', '--origin', 'log.example.org')
    const path = at('log/log.sqlite')
    const bytes = readFileSync(path)
    const where = bytes.indexOf('urn:attestry:trust-anchors')
    expect(where).toBeGreaterThan(0)
    bytes[where] = bytes[where]! + 1
    writeFileSync(path, bytes)
    const result = await run('log', 'check', '--data', 'log', '--json')
    expect(result.status).toBe(1)
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'ERR_LOG_CORRUPT' } })
  })

  it('says that there is no log, and makes none', async () => {
    const result = await run('log', 'check', '--data', 'nothing')
    expect(result.status).toBe(1)
    expect(result.stderr).toContain('ERR_LOG_MISSING')
    expect(() => statSync(at('nothing'))).toThrow()
  })
})
