/** Signed statements of about 1.2 kB from a few issuers, all different, as CI would publish them. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
} from 'node:crypto'
import { encodeUtf8 } from '../src/bytes/bytes.ts'
import { publicKeyFromSpki, withThumbprintKid } from '../src/cose/public-key.ts'
import type { Signer } from '../src/cose/signer.ts'
import { signStatement } from '../src/statement/sign-statement.ts'

/** PKCS#8 PEM of a fresh P-256 key. */
export function makeIssuerPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

export function issuerFromPem(pem: string): Signer {
  const privateKey = createPrivateKey(pem)
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const sign1 = (data: Uint8Array): Uint8Array =>
    new Uint8Array(sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  return {
    algorithm: -7,
    publicKey: withThumbprintKid(publicKeyFromSpki(new Uint8Array(spki))),
    sign: (data) => Promise.resolve(sign1(data)),
  }
}

const PADDING = 'x'.repeat(620)

/** One statement of about 1.2 kB; `randomUUID` makes each a different artifact. */
export function makeStatement(signer: Signer): Promise<Uint8Array> {
  const id = randomUUID()
  const provenance = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: `pkg:npm/bench-${id}@1.0.0`, digest: { sha256: id.replaceAll('-', '').repeat(2) } },
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: { buildType: 'https://bench.example/build', note: PADDING } },
  }
  return signStatement({
    payload: encodeUtf8(JSON.stringify(provenance)),
    issuer: 'https://bench.example',
    subject: `pkg:npm/bench-${id}@1.0.0`,
    contentType: 'application/vnd.in-toto+json',
    signer,
  })
}
