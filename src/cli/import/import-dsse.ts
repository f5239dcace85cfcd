/** `attestry import dsse`: envelopes of Tekton Chains, Google, in-toto … whose keys are at hand. */
import type { Command } from 'commander'
import { encodeHex } from '../../bytes/hex.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import { VerificationError } from '../../errors.ts'
import { nodeVerifier } from '../../keys/node-verifier.ts'
import { verifyDsse } from '../../payload/verify-dsse.ts'
import type { DsseKey } from '../../payload/verify-dsse.ts'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { Report } from '../command.ts'
import { collect } from '../option-values.ts'
import { readAnchor } from '../trust-file.ts'
import { subjectOf } from './envelope-subject.ts'
import { addImportOptions, importPayloads } from './import-payload.ts'
import type { ImportItem, ImportOptions } from './import-payload.ts'
import { importReport } from './import-report.ts'
import { readEnvelopeFiles } from './verify-bundles.ts'
import type { SourcedEnvelope } from './verify-bundles.ts'

const HELP = `
Two keys: --dsse-key is the public key of whoever signed the envelope, --key your own private key
that signs the statement around it. Every signature of the envelope has to verify under one of the
--dsse-key; ECDSA signatures in DER and as raw r and s (IEEE P1363) are both taken.

Examples:
  $ attestry import dsse chains.json --dsse-key cosign.pub --key importer.pem \\
      --issuer https://me.example --url https://log.example.org
  $ attestry import dsse vsa.json --dsse-key gce=google.pem --key importer.pem \\
      --issuer https://me.example --url https://log.example.org
`

interface DsseOptions extends ImportOptions {
  readonly dsseKey: readonly string[]
}

export function addImportDsse(parent: Command): void {
  const command = addCommand(parent, 'dsse', {
    description: 'verify, wrap and register DSSE envelopes',
    help: HELP,
  })
  addImportOptions(command.argument('FILE...', 'envelopes, or JSON lines of them'))
    .requiredOption(
      '--dsse-key <[keyid=]file>',
      'public key of the signer inside: PEM or COSE_Key (repeatable)',
      collect,
    )
    .action(run(importDsse))
}

async function importDsse(files: readonly string[], options: DsseOptions): Promise<Report> {
  const keys: DsseKey[] = []
  for (const text of options.dsseKey) keys.push(await readKey(text))
  const items: ImportItem[] = []
  for (const one of await readEnvelopeFiles(files)) {
    items.push(await verifiedItem(one, keys, options))
  }
  return importReport(await importPayloads(items, options))
}

async function verifiedItem(
  { envelope, source, mediaType }: SourcedEnvelope,
  keys: readonly DsseKey[],
  options: DsseOptions,
): Promise<ImportItem> {
  if (envelope.kind === 'bundle') {
    throw new CliError('ERR_USAGE', `${source} is a Sigstore bundle`, {
      hint: 'attestry import sigstore',
    })
  }
  try {
    const verified = await verifyDsse(envelope.dsse, keys, nodeVerifier)
    const names = verified.map(
      ({ key, form }) => `${encodeHex(keyThumbprint(key.key)).slice(0, 16)} (${form})`,
    )
    return {
      source,
      payload: envelope.bytes,
      mediaType,
      subject: options.subject ?? subjectOf(envelope, source),
      verified: names.join(', '),
    }
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause
    throw new VerificationError(cause.code, `${source}: ${cause.message}`, { cause })
  }
}

/** `FILE`, or `KEYID=FILE` for a key that only signatures of that name are tried with. */
async function readKey(text: string): Promise<DsseKey> {
  const at = text.lastIndexOf('=')
  const [keyid, path] = at < 0 ? [undefined, text] : [text.slice(0, at), text.slice(at + 1)]
  const anchor = await readAnchor(path)
  if (anchor.kind !== 'cose-key') {
    throw new CliError('ERR_USAGE', `${path} is a certificate; name the public key`)
  }
  return { key: anchor.key, ...(keyid === undefined ? {} : { keyid }) }
}
