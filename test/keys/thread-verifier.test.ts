/** Signatures that are verified together on a thread get the same answers. The thread is that of the build. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { algorithmById } from '../../src/cose/algorithms.ts'
import { signerFromKey } from '../../src/keys/file-signer.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { packSignatures, unpackSignatures } from '../../src/keys/packed-signatures.ts'
import { createThreadVerifier } from '../../src/keys/thread-verifier.ts'
import type { ThreadVerifier } from '../../src/keys/thread-verifier.ts'
import type { SignatureRequest } from '../../src/x509/signature-verifier.ts'

const WORKER = new URL('../../dist/keys/verify-worker.js', import.meta.url)
const verifiers: ThreadVerifier[] = []
afterEach(async () => {
  for (const verifier of verifiers.splice(0)) await verifier.close()
})

function open(worker: URL | undefined): ThreadVerifier {
  const verifier = createThreadVerifier(worker)
  verifiers.push(verifier)
  return verifier
}

const SIGNERS = [
  signerFromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  signerFromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  signerFromKey(generateKeyPairSync('ed25519').privateKey),
  signerFromKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
]

/** Every third is wrong somewhere; data of all lengths, as views of something larger. */
async function makeRequests(count: number): Promise<SignatureRequest[]> {
  const large = new Uint8Array(randomBytes(4096))
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const signer = SIGNERS[at % SIGNERS.length]!
      const { algorithm, publicKey } = signer
      const data = large.subarray(at, at + at * 7)
      const signature = await signer.sign(data)
      const { spki } = publicKey
      const request = { scheme: algorithmById(algorithm).scheme, spki, data, signature }
      switch (at % 12) {
        case 3:
          return { ...request, signature: signature.slice(1) }
        case 6:
          return { ...request, data: Uint8Array.of(...data, 0) }
        case 9:
          return { ...request, spki: SIGNERS[0]!.publicKey.spki }
        default:
          return request
      }
    }),
  )
}

describe('the verifier of a server', () => {
  it.each([1, 3, 4, 15, 16, 17, 100])('answers %i at once as the pool does', async (count) => {
    const requests = await makeRequests(count)
    const verifier = open(WORKER)
    const expected = await Promise.all(requests.map((one) => nodeVerifier.verify(one)))
    if (count > 3) expect(new Set(expected)).toEqual(new Set([true, false]))
    for (let round = 0; round < 3; round++) {
      const answers = requests.map((one) => verifier.verify(one))
      expect(await Promise.all(answers), `round ${round}`).toEqual(expected)
    }
  })

  it('hands requests over as they were, a shared key once', async () => {
    const requests = await makeRequests(20)
    const packed = packSignatures(requests)
    const transfer = [packed.bytes.buffer, packed.items.buffer]
    expect(unpackSignatures(structuredClone(packed, { transfer }))).toEqual(requests)
    expect(packed.spkis).toHaveLength(SIGNERS.length)
  })

  it('goes on without a thread that ends, and answers what that one had', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'attestry-verify-'))
    const ending = join(folder, 'ending.mjs')
    writeFileSync(
      ending,
      "import { parentPort } from 'node:worker_threads'\nparentPort.once('message', () => process.exit(1))",
    )
    for (const module of [pathToFileURL(ending), pathToFileURL(join(folder, 'missing.mjs'))]) {
      const verifier = open(module)
      const requests = await makeRequests(40)
      const expected = await Promise.all(requests.map((one) => nodeVerifier.verify(one)))
      for (let round = 0; round < 2; round++) {
        expect(await Promise.all(requests.map((one) => verifier.verify(one)))).toEqual(expected)
      }
    }
    rmSync(folder, { recursive: true })
  })
})
