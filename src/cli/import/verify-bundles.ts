/** Verifies the bundles of files before anything is signed, and names what they are verified with. */
import { InputError, VerificationError } from '../../errors.ts'
import { findEnvelopes } from '../../payload/envelope-files.ts'
import type { FoundEnvelope } from '../../payload/envelope-files.ts'
import type { InnerAnchors } from '../../policy/inner-anchors.ts'
import { SigstoreBundleVerifier } from '../../sigstore/sigstore-bundle-verifier.ts'
import { CliError } from '../cli-error.ts'
import { nameOf, readInput } from '../files.ts'
import { naming } from './import-payload.ts'

/** An envelope of a file. */
export interface SourcedEnvelope extends FoundEnvelope {
  readonly source: string
}

/** A bundle that verified. */
export interface VerifiedBundle extends SourcedEnvelope {
  /** Name of the root. */
  readonly verified: string
}

/** Envelopes of files, in their order. */
export async function readEnvelopeFiles(
  paths: readonly string[],
): Promise<readonly SourcedEnvelope[]> {
  const all: SourcedEnvelope[] = []
  for (const path of paths) {
    const bytes = await readInput(path)
    const found = naming(nameOf(path), () => findEnvelopes(bytes))
    found.forEach((one, at) => {
      const source = found.length === 1 ? nameOf(path) : `${nameOf(path)} (${at + 1})`
      all.push({ ...one, source })
    })
  }
  return all
}

/**
 * Verifies every bundle under one of the roots.
 * @throws VerificationError `ERR_INNER_SIGNATURE` for the first that does not.
 * @throws CliError for an envelope that is no bundle.
 */
export async function verifyBundles(
  envelopes: readonly SourcedEnvelope[],
  inner: InnerAnchors,
): Promise<readonly VerifiedBundle[]> {
  const verifier = new SigstoreBundleVerifier()
  try {
    const verified: VerifiedBundle[] = []
    for (const one of envelopes) {
      verified.push({ ...one, verified: await verifyOne(one, inner, verifier) })
    }
    return verified
  } finally {
    await verifier.close()
  }
}

async function verifyOne(
  { envelope, source }: SourcedEnvelope,
  { sigstoreRoots, dsseKeys }: InnerAnchors,
  verifier: SigstoreBundleVerifier,
): Promise<string> {
  if (envelope.kind === 'dsse') {
    throw new CliError('ERR_USAGE', `${source} is a DSSE envelope without a proof of time`, {
      hint: 'with the key of its signer: attestry import dsse FILE --dsse-key PUB',
    })
  }
  const keys = dsseKeys.map(({ key, ...rest }) => ({ spki: key.spki, ...rest }))
  let refusal: Error | undefined
  for (const { name, trustedRoot } of sigstoreRoots) {
    try {
      await verifier.verify({ bundle: envelope.bytes, trustedRoot, keys })
      return name
    } catch (error) {
      if (!(error instanceof VerificationError || error instanceof InputError)) throw error
      refusal = error
    }
  }
  const why = refusal?.message ?? 'there is no root to verify it under'
  throw new VerificationError('ERR_INNER_SIGNATURE', `${source}: ${why}`, { cause: refusal })
}
