/**
 * `attestry import npm`: bundles at hand about the package in a tarball, or about the packages that a
 * lock file pins. What they are about has to be those very bytes, by SHA-512.
 */
import type { Command } from 'commander'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { Report } from '../command.ts'
import { fileError, PAYLOAD_BYTES_MAX, readInput } from '../files.ts'
import { collect } from '../option-values.ts'
import { addInnerTrustOptions } from './import-sigstore.ts'
import { addImportOptions, importPayloads } from './import-payload.ts'
import type { ImportItem, ImportOptions } from './import-payload.ts'
import { importReport } from './import-report.ts'
import type { SkippedItem } from './import-report.ts'
import { readInnerTrust } from './inner-trust.ts'
import type { InnerTrustOptions } from './inner-trust.ts'
import { isGzip, readLockFile, readTarball } from './npm-package.ts'
import type { NpmPackage } from './npm-package.ts'
import { subjectsOf } from './envelope-subject.ts'
import { readEnvelopeFiles, verifyBundles } from './verify-bundles.ts'
import type { SourcedEnvelope } from './verify-bundles.ts'

const HELP = `
A registry's attestations are one download (nothing is fetched here):
  $ curl -o sigstore.json https://registry.npmjs.org/-/npm/v1/attestations/sigstore@2.3.1

Both of them are imported, npm's publish attestation too where --npm-keys or the registry's trust
anchors have its key. Bundles about other packages than those of the tarball or lock file are
left out and named; without any that fits, nothing is registered.

Examples:
  $ attestry import npm sigstore-2.3.1.tgz --bundle sigstore.json --key importer.pem \\
      --issuer https://me.example --url https://log.example.org
  $ attestry import npm package-lock.json --bundle attestations/ --root trusted_root.json \\
      --npm-keys keys.json --key importer.pem --issuer https://me.example --url https://log.example.org
`

interface NpmOptions extends ImportOptions, InnerTrustOptions {
  readonly url: string
  readonly bundle?: readonly string[]
}

export function addImportNpm(parent: Command): void {
  const command = addCommand(parent, 'npm', {
    description: 'register attestations of npm packages',
    help: HELP,
  })
  addInnerTrustOptions(
    addImportOptions(command.argument('FILE', 'package (.tgz) or package-lock.json')),
  )
    .option('--bundle <file>', 'attestations: a file, or a directory of them (repeatable)', collect)
    .action(run(importNpm))
}

async function importNpm(file: string, options: NpmOptions): Promise<Report> {
  const bytes = await readInput(file, PAYLOAD_BYTES_MAX)
  const packages = isGzip(bytes) ? [readTarball(bytes, file)] : readLockFile(bytes, file)
  const envelopes = await readEnvelopeFiles(await bundleFiles(options.bundle))
  const { fitting, skipped } = match(envelopes, packages)
  if (fitting.length === 0) {
    throw new CliError('ERR_USAGE', `no bundle is about ${file}`, {
      ...(skipped[0] === undefined ? {} : { hint: `${skipped[0].source}: ${skipped[0].reason}` }),
    })
  }
  const inner = await readInnerTrust(options)
  const verified = await verifyBundles(fitting, inner)
  const items = verified.map(({ envelope, mediaType, source, verified: root }, at): ImportItem => {
    const { purl: subject } = fitting[at]!
    return { source, payload: envelope.bytes, mediaType, subject, verified: root }
  })
  return importReport(await importPayloads(items, options), skipped)
}

async function bundleFiles(paths: readonly string[] = []): Promise<readonly string[]> {
  if (paths.length === 0) {
    throw new CliError('ERR_USAGE', 'name the attestations: --bundle FILE', {
      hint: 'curl https://registry.npmjs.org/-/npm/v1/attestations/NAME@VERSION',
    })
  }
  const files: string[] = []
  for (const path of paths) {
    try {
      if (!(await stat(path)).isDirectory()) files.push(path)
      else {
        const names = (await readdir(path)).filter((name) => /\.jsonl?$/.test(name)).sort()
        files.push(...names.map((name) => join(path, name)))
      }
    } catch (cause) {
      throw fileError(path, cause)
    }
  }
  return files
}

interface FittingEnvelope extends SourcedEnvelope {
  readonly purl: string
}

function match(
  envelopes: readonly SourcedEnvelope[],
  packages: readonly NpmPackage[],
): { readonly fitting: readonly FittingEnvelope[]; readonly skipped: readonly SkippedItem[] } {
  const byDigest = new Map(packages.map((one) => [one.sha512, one]))
  const fitting: FittingEnvelope[] = []
  const skipped: SkippedItem[] = []
  for (const one of envelopes) {
    const subjects = subjectsOf(one.envelope)
    const found = subjects
      .map(({ digest }) => byDigest.get(digest.get('sha512') ?? ''))
      .find((known) => known !== undefined)
    if (found !== undefined) fitting.push({ ...one, purl: found.purl })
    else
      skipped.push({ source: one.source, reason: `it is about ${subjects[0]?.name ?? 'nothing'}` })
  }
  return { fitting, skipped }
}
