/**
 * `attestry sign`: a payload becomes a Signed Statement (RFC 9943 §6). With `--hash`, and where an
 * entry would be too large, only a digest of the payload is signed (a hash envelope, RFC 9995), and the
 * payload stays with its owner.
 */
import type { Command } from 'commander'
import type { DigestName } from '../bytes/digest.ts'
import { decodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { formatPayloadName, payloadNameOf } from '../statement/payload-name.ts'
import { signFittingStatement } from '../statement/sign-fitting-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { decodePem } from '../x509/pem.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { PAYLOAD_BYTES_MAX, nameOf, parseFile, readInput, writeOutput } from './files.ts'
import { loadKeyFile } from './keygen.ts'
import {
  parseAlgorithm,
  parseDigestName,
  parseMediaType,
  parseText,
  parseTime,
} from './option-values.ts'
import { assertOneOutput } from './outputs.ts'
import { fields, formatTime } from './terminal.ts'

const HELP = `
Writes a COSE_Sign1 whose protected header names issuer, subject, media type, key and
time. An entry is at most 65,535 bytes: of a larger payload only the digest is signed, as
with --hash, which also is for payloads that must not become public (yet). Whoever is to read
the payload then needs the file: attestry register FILE --payload PAYLOAD hands it over.

Examples:
  $ attestry sign provenance.json --key issuer.pem --issuer https://ci.example.org \\
      --subject pkg:npm/demo@1.0.0 --type application/vnd.in-toto+json -o provenance.cose
  $ attestry sign image.tar --hash sha-256 --key issuer.pem --issuer https://ci.example.org \\
      --subject pkg:oci/demo --type application/x-tar -o image.cose
`

interface SignOptions {
  readonly key: string
  readonly alg?: string
  readonly issuer: string
  readonly subject: string
  readonly type: string
  readonly x5chain?: string
  readonly hash?: DigestName
  readonly issuedAt?: number
  readonly output: string
  readonly json?: boolean
}

export function addSign(program: Command): void {
  addCommand(program, 'sign', { description: 'make a Signed Statement', help: HELP })
    .argument('PAYLOAD', 'payload file, or - for standard input')
    .requiredOption('--key <key.pem>', 'private key file (PKCS#8, mode 0600)')
    .requiredOption('--issuer <iss>', 'who states this: a URI', parseText)
    .requiredOption('--subject <sub>', 'what it is about: a purl or another identifier', parseText)
    .requiredOption('--type <mediatype>', 'media type of the payload', parseMediaType)
    .option('--x5chain <chain.pem>', 'certificate chain of the key, leaf first')
    .option('--hash <name>', 'sign only a digest: sha-256, sha-384 or sha-512', parseDigestName)
    .option(
      '--alg <name>',
      'algorithm; by default the one that the key was made for',
      parseAlgorithm,
    )
    .option('--issued-at <time>', 'time of the statement; by default now', parseTime)
    .option('-o, --output <out.cose>', 'Signed Statement to write, - for standard output', '-')
    .action(run(sign))
}

async function sign(file: string, options: SignOptions): Promise<Report> {
  assertOneOutput(options)
  const payload = await readInput(file, PAYLOAD_BYTES_MAX)
  const signer = await loadKeyFile(options.key, options.alg)
  const issuedAt = options.issuedAt ?? Math.floor(Date.now() / 1000)
  const { bytes, statement, hash } = await signFittingStatement({
    payload,
    issuer: options.issuer,
    subject: options.subject,
    contentType: options.type,
    signer,
    issuedAt,
    ...(options.x5chain === undefined
      ? {}
      : { x5chain: await readChain(options.x5chain, signer.publicKey) }),
    ...(options.hash === undefined ? {} : { hash: options.hash }),
  })
  const isChosen = hash !== undefined && options.hash === undefined
  if (isChosen && file === '-') {
    throw new CliError('ERR_USAGE', 'the payload is too large for an entry, and nobody kept it', {
      hint: 'put it into a file and name that, or ask for a digest with --hash sha-256',
    })
  }
  const { entryId } = statement
  await writeOutput(options.output, bytes)
  const key = encodeHex(keyThumbprint(signer.publicKey))
  return {
    json: {
      output: options.output,
      bytes: bytes.length,
      entryId,
      issuer: options.issuer,
      subject: options.subject,
      type: options.type,
      issuedAt,
      key,
      hash: hash ?? null,
      payloadName: formatName(statement),
    },
    lines: fields([
      ['signed', `${nameOf(file)} (${payload.length} bytes)`],
      ['as', `${options.issuer} about ${options.subject}`],
      ['at', formatTime(issuedAt)],
      ['payload', hash === undefined ? 'inside' : `withheld, only its ${hash}`],
      ['because', isChosen ? TOO_LARGE : undefined],
      ['key', key],
      ['entry id', entryId],
      ['written', options.output === '-' ? undefined : `${options.output} (${bytes.length} bytes)`],
    ]),
    outputIsBytes: options.output === '-',
  }
}

const TOO_LARGE =
  'it is too large for an entry: keep the file, and hand it over with register --payload'

function formatName(statement: SignedStatement): string | null {
  const name = payloadNameOf(statement)
  return name === undefined ? null : formatPayloadName(name)
}

/** The chain, whose leaf must be about the signing key: anything else would never verify. */
async function readChain(path: string, key: PublicKey): Promise<Uint8Array[]> {
  const bytes = await readInput(path)
  const { chain, leaf } = parseFile(path, () => {
    const certificates = decodePem(decodeUtf8(bytes), 'CERTIFICATE')
    return { chain: certificates, leaf: parseCertificate(certificates[0]!) }
  })
  if (!equalBytes(leaf.spki.spki, key.spki)) {
    throw new CliError('ERR_USAGE', `the first certificate of ${path} is not for the signing key`, {
      hint: 'the chain starts with the certificate of --key, roots come last',
    })
  }
  return chain
}
