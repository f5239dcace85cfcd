/**
 * `attestry import sigstore`: bundles of GitHub artifact attestations, npm provenance,
 * slsa-github-generator, Bazel Central Registry … are verified offline, wrapped byte by byte and
 * registered.
 */
import type { Command } from 'commander'
import { addCommand, run } from '../command.ts'
import type { Report } from '../command.ts'
import { collect } from '../option-values.ts'
import { subjectOf } from './envelope-subject.ts'
import { addImportOptions, importPayloads } from './import-payload.ts'
import type { ImportOptions } from './import-payload.ts'
import { importReport } from './import-report.ts'
import { readInnerTrust } from './inner-trust.ts'
import type { InnerTrustOptions } from './inner-trust.ts'
import { readEnvelopeFiles, verifyBundles } from './verify-bundles.ts'

const HELP = `
BUNDLE is a Sigstore bundle (v0.1 to v0.3), JSON lines of them (.intoto.jsonl), or an answer of
npm's or GitHub's attestation endpoints. All are verified, at the times that they prove, before
anything is signed; the statements hold their exact bytes. Whoever signed inside stays the one to
trust: you state only that you saw it.

Without --root the roots that the registry's policy names are used. Private repositories of
GitHub have a root of their own: gh attestation trusted-root prints both.

Examples:
  $ attestry import sigstore sha256-….jsonl --key importer.pem --issuer https://me.example \\
      --url https://log.example.org
  $ attestry import sigstore attestation.sigstore.json --root trusted_root.json --key importer.pem \\
      --issuer https://me.example --url https://log.example.org -o statements
`

interface SigstoreOptions extends ImportOptions, InnerTrustOptions {
  readonly url: string
}

export function addImportSigstore(parent: Command): void {
  const command = addCommand(parent, 'sigstore', {
    description: 'verify, wrap and register Sigstore bundles',
    help: HELP,
  })
  addInnerTrustOptions(addImportOptions(command.argument('BUNDLE...', 'files, or -'))).action(
    run(importSigstore),
  )
}

/** Adds the options that name what bundles are verified with. */
export function addInnerTrustOptions(command: Command): Command {
  return command
    .option('--root <file>', 'trusted_root.json to verify under (repeatable)', collect)
    .option('--npm-keys <file>', "npm's signing keys, for its publish attestations")
}

async function importSigstore(files: readonly string[], options: SigstoreOptions): Promise<Report> {
  const envelopes = await readEnvelopeFiles(files)
  const verified = await verifyBundles(envelopes, await readInnerTrust(options))
  const items = verified.map(({ envelope, mediaType, source, verified: root }) => ({
    source,
    payload: envelope.bytes,
    mediaType,
    subject: options.subject ?? subjectOf(envelope, source),
    verified: root,
  }))
  return importReport(await importPayloads(items, options))
}
