/**
 * Importing what other publishers' tools made, as a person does it: against a serving log that names
 * its Sigstore roots, and with the files of the shared vectors.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { preAuthEncoding } from '../../src/payload/verify-dsse.ts'
import { encodeTrustAnchorsDocument } from '../../src/policy/registration-policy.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { anchorFromFile } from '../../src/statement/anchor-file.ts'
import { alter, flip, innerAnchors, readSamples } from '../sigstore/samples.ts'
import { hasVectors, readVector, vectorPath } from '../support/vectors.ts'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

interface Imported {
  readonly imported: readonly {
    readonly source: string
    readonly entryId: string
    readonly leafIndex: number
    readonly subject: string
    readonly kind: string
    readonly type: string
    readonly mediaType: string
    readonly innerIdentity: string | null
    readonly innerKey: string | null
    readonly innerVerifiedWith: string | null
    readonly payload: string | null
    readonly output: string | null
  }[]
  readonly skipped: readonly { readonly source: string; readonly reason: string }[]
  readonly failed: readonly {
    readonly source: string
    readonly error: { readonly code: string; readonly message: string }
  }[]
}

describe('attestry import', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let server: RunningServer
  const { run, ok } = commandLine(() => folder.path)
  const at = (name: string): string => join(folder.path, name)
  const own = (): string[] => ['--key', 'issuer.pem', '--issuer', 'https://me.example', '--url', server.url] // prettier-ignore
  const imports = async (...args: string[]): Promise<Imported> =>
    JSON.parse(await ok('import', ...args, ...own(), '--json')) as Imported
  const refused = async (...args: string[]): Promise<string> => {
    const result = await run('import', ...args, ...own())
    expect(result.status, result.stdout).not.toBe(0)
    return result.stderr
  }
  const health = async (): Promise<{ treeSize: number; index: { treeSize: number } }> =>
    (await (await fetch(`${server.url}/health`)).json()) as Awaited<ReturnType<typeof health>>
  const treeSize = async (): Promise<number> => (await health()).treeSize

  beforeAll(async () => {
    folder = temporaryFolder()
    await ok('keygen', '--out', 'issuer.pem')
    await ok('init', '--data', 'log', '--origin', 'log.example.org', '--trust', 'issuer.pub.cbor')
  })
  afterAll(() => {
    folder.remove()
  })

  /** A server for one section: children have a time limit. */
  function serving(): void {
    beforeAll(async () => {
      server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path })
    })
    afterAll(async () => {
      await server.stop()
    })
  }

  describe.skipIf(!hasVectors)('sigstore', () => {
    serving()
    const bundle = (name: string): string => vectorPath(`sigstore/${name}`)
    const root = (): string[] => ['--root', bundle('trusted_root.json')]

    it('registers the bundles of a file, byte by byte', async () => {
      const keys = ['--npm-keys', bundle('npm-registry-keys.json')]
      const file = bundle('npm-attestations-provenance-npm-test-cli-v1.json')
      const { imported } = await imports('sigstore', file, ...root(), ...keys, '-o', 'out')
      expect(imported.map(({ kind, subject }) => [kind, subject])).toEqual([
        ['publish', 'pkg:npm/sigstore@2.3.1'],
        ['provenance', 'pkg:npm/sigstore@2.3.1'],
      ])
      expect(imported[1]!.innerIdentity).toContain('https://github.com/sigstore/sigstore-js/')
      expect(imported[0]!.innerKey).toContain('SHA256:')
      const samples = readSamples().filter(({ name }) => name.startsWith('npm'))
      for (const [index, { output, mediaType }] of imported.entries()) {
        const { message, headers } = parseSignedStatement(readFileSync(at(output!)))
        expect(message.payload).toEqual(samples[index]!.bytes)
        expect(headers.contentType).toBe(mediaType)
      }
    })

    it.each([
      ['bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl', /^ni:\/\/\/sha-256;/],
      ['reusable-workflow-attestation.sigstore.json', /^ni:\/\/\/sha-256;/],
      ['sigstore-js-2.1.0-bundle.json', /^pkg:npm\/sigstore@2\.1\.0$/],
    ])('registers %s', async (file, subject) => {
      const { imported } = await imports('sigstore', bundle(file), ...root())
      expect(imported[0]!.subject).toMatch(subject)
      expect(imported[0]!.kind).toBe('provenance')
    })
  })

  describe.skipIf(!hasVectors)('sigstore, when something is wrong', () => {
    serving()
    const bundle = (name: string): string => vectorPath(`sigstore/${name}`)
    const root = (): string[] => ['--root', bundle('trusted_root.json')]

    it('registers nothing of a file that has one bad bundle', async () => {
      const [one] = readSamples()
      const broken = alter(one!.bytes, ({ dsseEnvelope }) => {
        dsseEnvelope.payload = flip(dsseEnvelope.payload, 100)
      })
      writeFileSync(at('two.jsonl'), `${text(one!.bytes)}\n${text(broken)}\n`)
      const before = await treeSize()
      const message = await refused('sigstore', 'two.jsonl', ...root())
      expect(message).toContain('two.jsonl (2): the Sigstore bundle does not verify')
      expect(message).toContain('ERR_INNER_SIGNATURE')
      expect(await treeSize()).toBe(before)
    })

    it('tells people what it did', async () => {
      const file = bundle('sigstore-js-2.1.0-bundle.json')
      const told = await ok('import', 'sigstore', file, ...root(), ...own())
      expect(told).toContain('registered, Receipt verified')
      expect(told).toMatch(/vouched for by +https:\/\/token\.actions\.githubusercontent\.com/)
    })

    it('says what is missing', async () => {
      const file = bundle('bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl')
      expect(await refused('sigstore', file)).toContain('--root trusted_root.json')
      writeFileSync(at('plain.json'), '{"payload":"e30=","payloadType":"x","signatures":[{"sig":"AAAA"}]}') // prettier-ignore
      expect(await refused('sigstore', 'plain.json', ...root())).toContain('import dsse')
      writeFileSync(at('other.json'), '{}')
      expect(await refused('sigstore', 'other.json', ...root())).toContain(
        'neither a Sigstore bundle',
      )
    })
  })

  describe('npm', () => {
    serving()
    const manifest = JSON.stringify({ name: '@acme/app', version: '1.2.3' })

    /** A tar file of one entry. */
    function tarball(text = manifest): Buffer {
      const header = Buffer.alloc(512)
      header.write('package/package.json')
      header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124)
      const content = Buffer.alloc(512)
      content.write(text)
      return gzipSync(Buffer.concat([header, content, Buffer.alloc(1024)]))
    }

    it('finds no bundle about another package', async () => {
      writeFileSync(at('app.tgz'), tarball())
      if (!hasVectors) return
      const file = vectorPath('sigstore/sigstore-js-2.1.0-bundle.json')
      const message = await refused('npm', 'app.tgz', '--bundle', file)
      expect(message).toContain('no bundle is about app.tgz')
      expect(message).toContain('pkg:npm/sigstore@2.1.0')
    })

    it.skipIf(!hasVectors)('registers what fits a lock file, and names the rest', async () => {
      const [, , provenance] = readSamples()
      const [statement] = [JSON.parse(text(provenance!.bytes)) as { dsseEnvelope: { payload: string } }] // prettier-ignore
      const inside = Buffer.from(statement.dsseEnvelope.payload, 'base64').toString()
      const { subject } = JSON.parse(inside) as { subject: { digest: { sha512: string } }[] }
      const hash = Buffer.from(subject[0]!.digest.sha512, 'hex').toString('base64')
      const entry = { version: '2.3.1', integrity: `sha1-x sha512-${hash}` }
      for (const lock of [
        { lockfileVersion: 3, packages: { '': {}, 'node_modules/sigstore': entry } },
        { lockfileVersion: 1, dependencies: { a: { dependencies: { sigstore: entry } } } },
      ]) {
        writeFileSync(at('package-lock.json'), JSON.stringify(lock))
        mkdirSync(at('attestations'), { recursive: true })
        for (const file of ['npm-attestations-provenance-npm-test-cli-v1.json', 'sigstore-js-2.1.0-bundle.json']) {
          writeFileSync(join(at('attestations'), file), readVector(`sigstore/${file}`))
        } // prettier-ignore
        const { imported, skipped } = await imports(
          ...['npm', 'package-lock.json', '--bundle', 'attestations'],
          ...['--root', vectorPath('sigstore/trusted_root.json')],
          ...['--npm-keys', vectorPath('sigstore/npm-registry-keys.json')],
        )
        expect(imported.map(({ kind }) => kind)).toEqual(['publish', 'provenance'])
        expect(imported[0]!.subject).toBe('pkg:npm/sigstore@2.3.1')
        expect(skipped).toHaveLength(1)
      }
    })

    it('says what is wrong with a file', async () => {
      writeFileSync(at('no.tgz'), gzipSync(Buffer.alloc(1024)))
      expect(await refused('npm', 'no.tgz')).toContain('holds no package.json')
      writeFileSync(at('no.json'), '{}')
      expect(await refused('npm', 'no.json')).toContain('nor a lock file')
      const files: [string, Uint8Array, string][] = [
        ['text.tgz', Buffer.from('hello'), 'nor a lock file: it is not a JSON document'],
        ['short.tgz', tarball().subarray(0, 40), 'a gzip file that is damaged, cut short or'],
        ['odd.tgz', tarball('no JSON'), 'package.json is not a JSON document'],
      ]
      for (const [name, bytes, why] of files) {
        writeFileSync(at(name), bytes)
        expect(await refused('npm', name)).toMatch(new RegExp(`: ${name}: .*${why}`))
      }
      writeFileSync(at('app.tgz'), tarball())
      expect(await refused('npm', 'app.tgz')).toContain('--bundle FILE')
    })
  })

  describe('dsse', () => {
    serving()
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const envelope = (dsaEncoding: 'der' | 'ieee-p1363', byte = 'ab'): string => {
      const payload = encodeUtf8(
        JSON.stringify({
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ name: 'app', digest: { gitCommit: byte.repeat(20) } }],
          predicateType: 'https://example.com/any/v1',
        }),
      )
      const payloadType = 'application/vnd.in-toto+json'
      const key = { key: privateKey, dsaEncoding }
      const sig = sign('sha256', preAuthEncoding(payloadType, payload), key).toString('base64')
      const signatures = [{ keyid: 'ci', sig }]
      return JSON.stringify({ payloadType, payload: Buffer.from(payload).toString('base64'), signatures }) // prettier-ignore
    }
    beforeEach(() => {
      writeFileSync(at('ci.pub'), publicKey.export({ format: 'pem', type: 'spki' }))
    })

    it.each([
      ['der', 'der'],
      ['ieee-p1363', 'raw'],
    ] as const)('registers an envelope signed in %s', async (encoding, form) => {
      writeFileSync(at('chains.json'), envelope(encoding))
      const { imported } = await imports('dsse', 'chains.json', '--dsse-key', 'ci=ci.pub')
      expect(imported[0]).toMatchObject({
        kind: 'in-toto',
        subject: `gitoid:commit:sha1:${'ab'.repeat(20)}`,
        innerKey: 'ci',
      })
      expect(imported[0]!.innerVerifiedWith).toContain(`(${form})`)
    })

    it('refuses one by another key, or a key of another name', async () => {
      writeFileSync(at('chains.json'), envelope('der'))
      const other = await refused('dsse', 'chains.json', '--dsse-key', 'issuer.pub.cbor')
      expect(other).toContain('ERR_INNER_SIGNATURE')
      expect(await refused('dsse', 'chains.json', '--dsse-key', 'x=ci.pub')).toContain('not known')
      expect((await run('import', 'dsse', 'chains.json', ...own())).status).toBe(4)
    })

    it('tells what is registered when the log refuses another one', async () => {
      const shown = JSON.parse(await ok('policy', 'show', '--data', 'log', '--json')) as {
        policy: Record<string, unknown>
      }
      const cel = `statement.subject != 'gitoid:commit:sha1:${'cd'.repeat(20)}'`
      const celEvaluator = '@marcbachmann/cel-js@8.0.0'
      const policy = { ...shown.policy, celEvaluator, conditions: [{ name: 'not-cd', cel }] }
      writeFileSync(at('condition.json'), JSON.stringify(policy))
      const operator = ['--key', 'log/keys/operator.pem', '--url', server.url]
      await ok('policy', 'set', 'condition.json', ...operator)

      for (const byte of ['01', 'cd', '02']) writeFileSync(at(`${byte}.json`), envelope('der', byte)) // prettier-ignore
      const files = ['01.json', 'cd.json', '02.json', '--dsse-key', 'ci.pub']
      const result = await run('import', 'dsse', ...files, ...own(), '--json')
      expect(result.status).toBe(1)
      const report = JSON.parse(result.stdout) as Imported
      expect(report.imported.map(({ source }) => source)).toEqual(['01.json', '02.json'])
      expect(report.failed).toMatchObject([
        { source: 'cd.json', error: { code: 'ERR_POLICY_REJECTED', rule: 'condition' } },
      ])
      const told = await run('import', 'dsse', ...files, ...own())
      expect(told.status).toBe(1)
      expect(told.stdout).toMatch(/^01\.json: registered/m)
      expect(told.stdout).toMatch(/^cd\.json: .*not-cd.*\(ERR_POLICY_REJECTED\)$/m)

      const nowhere = await run('import', 'dsse', ...files, ...own().with(-1, 'http://127.0.0.1:9'), '--json') // prettier-ignore
      const { failed } = JSON.parse(nowhere.stdout) as Imported
      expect(failed.map(({ error }) => error.code)).toEqual(Array(3).fill('ERR_NETWORK'))
      expect(failed.map(({ error }) => error.message.includes('not tried'))).toEqual([
        false,
        true,
        true,
      ])
    })

    it.skipIf(!hasVectors)('registers a real one', async () => {
      const file = vectorPath('provenance/scai/hermetic-evidence/build.1f575092.json')
      const key = vectorPath('provenance/scai/keys/functionary-1f575092-rsa.pem')
      const { imported } = await imports('dsse', file, '--dsse-key', key)
      expect(imported[0]!.kind).toBe('scai')
      expect(imported[0]!.innerVerifiedWith).toContain('(rsa-pss)')
    })
  })

  describe.skipIf(!hasVectors)('scorecard', () => {
    serving()
    const file = (name: string): string => vectorPath(`evaluations/scorecard/${name}`)

    it('registers a result as it is', async () => {
      const { imported } = await imports('scorecard', file('kubernetes-scorecard.json'))
      expect(imported[0]).toMatchObject({
        kind: 'scorecard',
        subject: 'pkg:github/kubernetes/kubernetes@5835544ca568b757a8ecae5c153f317e5736700e',
      })
      await imports('scorecard', file('check4.json'))
    })

    it('puts the names of the in-toto form right', async () => {
      const { repo, ...predicate } = JSON.parse(
        text(readVector('evaluations/scorecard/kubernetes-scorecard.json')),
      ) as { repo: { name: string; commit: string } }
      const statement = {
        type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: repo.name, digest: { gitCommit: repo.commit } }],
        predicate_type: 'https://scorecard.dev/result/v0.1',
        predicate,
      }
      writeFileSync(at('score.json'), JSON.stringify(statement))
      const { imported } = await imports('scorecard', 'score.json')
      expect(imported[0]).toMatchObject({
        kind: 'scorecard',
        type: 'https://scorecard.dev/result/v0.1',
        subject: `pkg:github/kubernetes/kubernetes@${repo.commit}`,
      })
    })

    it('refuses what is none', async () => {
      expect(await refused('scorecard', file('invalid-scorecard.json'))).toContain('/repo')
      writeFileSync(at('no.json'), '{"a":1}')
      expect(await refused('scorecard', 'no.json')).toContain('not a result of Scorecard')
    })
  })

  describe.skipIf(!hasVectors)('sbom', () => {
    serving()
    it.each([
      ['evaluations/spdx/alpine-small-spdx.json', 'application/spdx+json'],
      ['evaluations/cyclonedx/valid-vulnerability-1.6.json', 'application/vnd.cyclonedx+json'],
    ])('registers the digest of %s and stores the document', async (path, type) => {
      const { imported } = await imports('sbom', vectorPath(path))
      expect(imported[0]).toMatchObject({ kind: 'sbom', mediaType: type, payload: 'stored' })
    })

    it('refuses what is none', async () => {
      writeFileSync(at('no.json'), '{"a":1}')
      expect(await refused('sbom', 'no.json')).toContain('neither SPDX 2 nor CycloneDX')
    })
  })

  describe.skipIf(!hasVectors)('where the log names its roots', () => {
    serving()
    it('needs no --root, and is refused by the log what does not verify', async () => {
      const issuer = anchorFromFile(readFileSync(at('issuer.pub.cbor')), ['*'])
      const inner = innerAnchors()
      writeFileSync(at('anchors.json'), encodeTrustAnchorsDocument([issuer], inner))
      const shown = JSON.parse(await ok('policy', 'show', '--data', 'log', '--json')) as {
        policy: Record<string, unknown>
      }
      const sigstoreRoots = inner.sigstoreRoots.map(({ digest }) => digest)
      writeFileSync(at('policy.json'), JSON.stringify({ ...shown.policy, sigstoreRoots }))
      const operator = ['--key', 'log/keys/operator.pem', '--url', server.url]
      await ok('policy', 'set', 'anchors.json', ...operator)
      await ok('policy', 'set', 'policy.json', ...operator)
      expect(await ok('policy', 'show', '--data', 'log')).toContain('Sigstore root')
      // The roots are looked up in the index, which follows the log.
      const size = await treeSize()
      const indexed = async (): Promise<number> => (await health()).index.treeSize
      await expect.poll(indexed, { timeout: 20_000 }).toBeGreaterThanOrEqual(size)

      const file = vectorPath('sigstore/bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl')
      const { imported } = await imports('sigstore', file)
      expect(imported[0]!.innerVerifiedWith).toBe('public-good')

      const [one] = readSamples()
      const broken = alter(one!.bytes, ({ dsseEnvelope }) => {
        dsseEnvelope.signatures[0]!.sig = flip(dsseEnvelope.signatures[0]!.sig, -1)
      })
      writeFileSync(at('broken.json'), broken)
      await ok('sign', 'broken.json', '--key', 'issuer.pem', '--issuer', 'https://me.example', '--subject', 's', '--type', one!.mediaType, '-o', 'broken.cose') // prettier-ignore
      const result = await run('register', 'broken.cose', '--url', server.url)
      expect(result.stderr).toContain('the Sigstore bundle does not verify')
      const tried = await run('policy', 'test', 'policy.json', '--anchors', 'anchors.json', 'broken.cose') // prettier-ignore
      expect(tried.stdout).toContain('inner-signature')
      await ok('trust', 'fetch', '--url', server.url, '-o', 'trust.json')
      await ok('audit', server.url, '--state', 'state', '--trust', 'trust.json')
    })
  })
})

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
