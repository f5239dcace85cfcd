/**
 * Wycheproof: signatures in the form COSE uses (raw r‖s, Ed25519, RSA-PSS) and in X.509's form (DER),
 * with WebCrypto and with node:crypto behind the same checks. RSA-PSS files with parameters that no
 * COSE algorithm has must fail throughout, as the vectors' README says.
 */
import { describe, expect, it } from 'vitest'
import { decodeHex } from '../../src/bytes/hex.ts'
import { algorithmByName, type Algorithm } from '../../src/cose/algorithms.ts'
import { publicKeyFromSpki, type PublicKey } from '../../src/cose/public-key.ts'
import { verifySignature } from '../../src/cose/verify-signature.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { nodeVerifier, promptVerifier } from '../../src/keys/node-verifier.ts'
import { ecdsaRawSignature } from '../../src/x509/signature-algorithm.ts'
import { hasVectors, listVectors, readVectorJson } from '../support/vectors.ts'

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly publicKeyDer: string
    readonly tests: readonly {
      readonly tcId: number
      readonly msg: string
      readonly sig: string
      readonly result: 'valid' | 'invalid'
      readonly comment: string
    }[]
  }[]
}

interface Plan {
  readonly algorithm: string
  readonly der?: boolean
  /** The parameters are not those of the COSE algorithm, so "valid" cases must fail. */
  readonly foreign?: boolean
}

function plan(name: string): Plan {
  const ecdsa = /secp(\d+)r1_sha(\d+)(_p1363)?/.exec(name)
  if (ecdsa !== null) return { algorithm: `ES${ecdsa[2] ?? ''}`, der: ecdsa[3] === undefined }
  const pss = /rsa_pss_\d+_sha(\d+)_mgf1(sha\d+)?_(\d+)/.exec(name)
  if (pss === null) return { algorithm: 'EdDSA' }
  const [, hash = '', mgfHash, salt] = pss
  return {
    algorithm: `PS${hash}`,
    foreign: mgfHash !== undefined || Number(salt) * 8 !== Number(hash),
  }
}

async function verifies(
  verifier: typeof webCryptoVerifier,
  algorithm: Algorithm,
  request: { key: PublicKey; data: Uint8Array; signature: Uint8Array; der: boolean },
): Promise<boolean> {
  const { key, data, der } = request
  try {
    const signature =
      der && key.kind === 'ec' ? ecdsaRawSignature(request.signature, key.curve) : request.signature
    return await verifySignature({ algorithm, key, data, signature }, verifier)
  } catch (error) {
    if (error instanceof AttestryError) return false
    throw error
  }
}

describe.skipIf(!hasVectors)('Wycheproof', () => {
  const files = listVectors('wycheproof', '.json')
  it('is all there', () => {
    expect(files).toHaveLength(22)
  })
  for (const [verifierName, verifier] of Object.entries({
    WebCrypto: webCryptoVerifier,
    'node:crypto': nodeVerifier,
    'node:crypto on this thread': promptVerifier,
  })) {
    it.each(files)(`${verifierName}: %s`, async (file) => {
      const { algorithm: name, der = false, foreign = false } = plan(file)
      const algorithm = algorithmByName(name)
      const wrong: string[] = []
      let accepted = 0
      for (const group of readVectorJson<WycheproofFile>(file).testGroups) {
        let key: PublicKey
        try {
          key = publicKeyFromSpki(decodeHex(group.publicKeyDer))
        } catch (error) {
          if (!(error instanceof AttestryError)) throw error
          // A key that we refuse must not be one that a valid, in-scope case needs.
          wrong.push(
            ...group.tests
              .filter((t) => t.result === 'valid' && !foreign)
              .map((t) => `${t.tcId}: key refused`),
          )
          continue
        }
        for (const test of group.tests) {
          const got = await verifies(verifier, algorithm, {
            key,
            data: decodeHex(test.msg),
            signature: decodeHex(test.sig),
            der,
          })
          if (got) accepted++
          // In the foreign files every "valid" case must fail; the README names one case marked
          // invalid for its salt that is a correct PS256 signature.
          const want = foreign ? got && test.result === 'invalid' : test.result === 'valid'
          if (got !== want)
            wrong.push(`${test.tcId} ${test.comment}: ${got ? 'accepted' : 'refused'}`)
        }
      }
      expect(wrong).toEqual([])
      if (foreign) expect(accepted).toBeLessThanOrEqual(1)
      else expect(accepted).toBeGreaterThan(50)
    })
  }
})
