/** Private key files: made once, private from the first byte on, refused when others can read them. */
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs' // prettier-ignore
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { algorithmByName } from '../../src/cose/algorithms.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { generateKeyFile, loadSigner } from '../../src/keys/file-signer.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'attestry-keys-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const refused = { code: 'ERR_KEY_FILE' }

describe('a new key file', () => {
  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256'])(
    'for %s holds a key that signs',
    async (name) => {
      const path = join(folder, `${name}.pem`)
      const publicKey = await generateKeyFile(path, name)
      expect(publicKey.kid).toEqual(keyThumbprint(publicKey))
      const signer = await loadSigner(path, { algorithm: name })
      expect(signer.publicKey).toEqual(publicKey)
      const data = Uint8Array.of(1, 2, 3)
      const { scheme } = algorithmByName(name)
      const signature = await signer.sign(data)
      const { spki } = publicKey
      expect(await nodeVerifier.verify({ scheme, spki, data, signature })).toBe(true)
    },
  )

  it.skipIf(process.platform === 'win32')('is readable by its owner alone', async () => {
    const path = join(folder, 'mode.pem')
    await generateKeyFile(path, 'ES256')
    expect((statSync(path).mode % 0o1000).toString(8)).toBe('600')
  })

  it('replaces no file and follows no link', async () => {
    const path = join(folder, 'once.pem')
    await generateKeyFile(path, 'ES256')
    const before = readFileSync(path, 'utf8')
    await expect(generateKeyFile(path, 'ES256')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(path, 'utf8')).toBe(before)
    const link = join(folder, 'link.pem')
    symlinkSync(join(folder, 'nowhere.pem'), link)
    await expect(generateKeyFile(link, 'ES256')).rejects.toMatchObject({ code: 'EEXIST' })
  })

  it('is for a known algorithm', async () => {
    await expect(generateKeyFile(join(folder, 'x.pem'), 'HS256')).rejects.toMatchObject({
      code: 'ERR_COSE_ALGORITHM',
    })
  })
})

describe('a key file', () => {
  it('signs with the usual algorithm of its key', async () => {
    for (const [name, id] of [
      ['ES256', -7],
      ['ES384', -35],
      ['ES512', -36],
      ['EdDSA', -8],
    ] as const) {
      // prettier-ignore
      const path = join(folder, `usual-${name}.pem`)
      await generateKeyFile(path, name)
      expect((await loadSigner(path)).algorithm).toBe(id)
    }
  })

  it('does not sign with an algorithm of other keys', async () => {
    const path = join(folder, 'fits.pem')
    await generateKeyFile(path, 'ES256')
    await expect(loadSigner(path, { algorithm: 'ES384' })).rejects.toMatchObject({
      code: 'ERR_COSE_ALGORITHM',
    })
  })

  it.skipIf(process.platform === 'win32').each([0o640, 0o604, 0o660, 0o644, 0o601])(
    'of mode %o is refused with what to do',
    async (mode) => {
      const path = join(folder, `mode-${mode}.pem`)
      await generateKeyFile(path, 'ES256')
      chmodSync(path, mode)
      await expect(loadSigner(path)).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining('chmod 600') as string,
      })
    },
  )

  it.skipIf(process.platform === 'win32')(
    'that is open to others and no private key is called that',
    async () => {
      const path = join(folder, 'public.pem')
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      writeFileSync(path, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 })
      const message = expect.stringMatching(/is not an .*private key$/) as string
      await expect(loadSigner(path)).rejects.toMatchObject({ ...refused, message })
    },
  )

  it('that is missing, no key, public, encrypted, weak or huge is refused', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
    const files: Record<string, [string, string]> = {
      garbage: ['garbage', 'ERR_KEY_FILE'],
      empty: ['', 'ERR_KEY_FILE'],
      public: [publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'ERR_KEY_FILE'],
      encrypted: [
        privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
        'ERR_KEY_FILE',
      ],
      weak: [rsa.privateKey.export(pkcs8).toString(), 'ERR_COSE_KEY'],
      secp256k1: [
        generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export(pkcs8).toString(),
        'ERR_COSE_KEY',
      ],
      huge: [privateKey.export(pkcs8).toString() + '\n'.repeat(20_000), 'ERR_KEY_FILE'],
    }
    for (const [name, [text, code]] of Object.entries(files)) {
      const path = join(folder, name)
      writeFileSync(path, text, { mode: 0o600 })
      await expect(loadSigner(path), name).rejects.toMatchObject({ code })
    }
    await expect(loadSigner(join(folder, 'missing'))).rejects.toMatchObject(refused)
    await expect(loadSigner(folder)).rejects.toMatchObject(refused)
  })
})
