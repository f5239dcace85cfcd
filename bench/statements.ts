/** Signed statements of about 1.2 kB from a few issuers, all different, as CI would publish them. */
import {
  createHash,
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

const REPOSITORY = 'https://github.com/example-org/bench'

/** Artifacts that many statements depend on, the first ones the most. */
const DEPENDENCIES = 50_000

function dependency(): object {
  const number = Math.floor(Math.random() ** 2 * DEPENDENCIES)
  const sha256 = createHash('sha256').update(String(number)).digest('hex')
  return { uri: `pkg:npm/dependency-${number}@1.0.0`, digest: { sha256 } }
}

/**
 * SLSA provenance v1 as GitHub's runners write it, of one artifact, one source commit and so many
 * dependencies.
 */
function provenanceOf(id: string, dependencies: number): object {
  const hex = id.replaceAll('-', '')
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `pkg:npm/bench-${id}@1.0.0`, digest: { sha256: hex.repeat(2) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: {
          workflow: {
            ref: 'refs/heads/main',
            repository: REPOSITORY,
            path: '.github/workflows/release.yml',
          },
        },
        internalParameters: {
          github: {
            event_name: 'push',
            repository_id: '495574555',
            runner_environment: 'github-hosted',
          },
        },
        resolvedDependencies: [
          {
            uri: `git+${REPOSITORY}@refs/heads/main`,
            digest: { gitCommit: `${hex}00000000` },
          },
          ...Array.from({ length: dependencies }, dependency),
        ],
      },
      runDetails: {
        builder: { id: 'https://github.com/actions/runner/github-hosted' },
        metadata: {
          invocationId: `${REPOSITORY}/actions/runs/${hex}/attempts/1`,
          startedOn: '2026-01-01T12:00:00Z',
        },
      },
    },
  }
}

/** One statement of about 1.2 kB and 150 bytes per dependency, each of a different artifact. */
export function makeStatement(signer: Signer, dependencies = 0): Promise<Uint8Array> {
  const id = randomUUID()
  const provenance = provenanceOf(id, dependencies)
  return signStatement({
    payload: encodeUtf8(JSON.stringify(provenance)),
    issuer: 'https://bench.example',
    subject: `pkg:npm/bench-${id}@1.0.0`,
    contentType: 'application/vnd.in-toto+json',
    signer,
  })
}
