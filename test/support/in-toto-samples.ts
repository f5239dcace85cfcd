/** Payloads of a small supply chain: a library, an application that is built from it, opinions on both. */
import { encodeUtf8 } from '../../src/bytes/bytes.ts'

/** A digest of a name: one hex character a letter, padded. */
export function hexOf(name: string, digits = 64): string {
  const hex = Array.from(name, (letter) => (letter.codePointAt(0)! % 16).toString(16)).join('')
  return hex.repeat(Math.ceil(digits / hex.length)).slice(0, digits)
}

export interface SampleArtifact {
  readonly name: string
  readonly digest: Readonly<Record<string, string>>
}

export const LIBRARY: SampleArtifact = {
  name: 'pkg:npm/left@1.2.0',
  digest: { sha256: hexOf('library'), sha512: hexOf('library', 128) },
}
export const APPLICATION: SampleArtifact = {
  name: 'pkg:oci/app@2',
  digest: { sha256: hexOf('application') },
}
export const SOURCE_COMMIT: string = hexOf('commit', 40)
export const BUILDER = 'https://ci.example/builder/1'

function inToto(
  subject: readonly SampleArtifact[],
  predicateType: string,
  predicate: unknown,
): Uint8Array {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }
  return encodeUtf8(JSON.stringify(statement))
}

/** SLSA provenance v1 of an artifact that was built from others. */
export function provenanceOf(
  subject: readonly SampleArtifact[],
  from: readonly SampleArtifact[],
  run = '1',
): Uint8Array {
  return inToto(subject, 'https://slsa.dev/provenance/v1', {
    buildDefinition: {
      buildType: 'https://ci.example/type/1',
      externalParameters: { ref: 'main' },
      resolvedDependencies: [
        { uri: 'git+https://git.example/app', digest: { gitCommit: SOURCE_COMMIT } },
        ...from.map(({ name, digest }) => ({ uri: name, digest })),
      ],
    },
    runDetails: {
      builder: { id: BUILDER },
      metadata: {
        invocationId: `https://ci.example/runs/${run}`,
        finishedOn: '2026-01-02T03:04:05Z',
      },
    },
  })
}

/** A verification summary about an artifact. */
export function summaryOf(subject: readonly SampleArtifact[], result = 'PASSED'): Uint8Array {
  return inToto(subject, 'https://slsa.dev/verification_summary/v1', {
    verifier: { id: 'https://verifier.example' },
    timeVerified: '2026-01-03T00:00:00Z',
    resourceUri: subject[0]!.name,
    policy: { uri: 'https://verifier.example/policy' },
    verificationResult: result,
    verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
  })
}

/** A predicate type that nobody reads, with text that a terminal must not act on. */
export function unreadOf(subject: readonly SampleArtifact[], text: string): Uint8Array {
  return inToto(subject, `https://other.example/${encodeURIComponent(text)}`, { text })
}
