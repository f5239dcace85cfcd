/** `attestry keygen`: a new private key, and the COSE_Key that goes to everybody else. */
import type { Command } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import { ALGORITHMS, algorithmByName } from '../cose/algorithms.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Signer } from '../cose/signer.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { generateKeyFile, loadSigner } from '../keys/file-signer.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { exists, fileError, readInput, writeNewFile } from './files.ts'
import { parseAlgorithm } from './option-values.ts'
import { fields } from './terminal.ts'

const HELP = `
Writes two files and refuses to overwrite either:
  FILE.pem       the private key, PKCS#8, readable by you only (mode 0600)
  FILE.pub.cbor  the public key, a COSE_Key whose kid is its RFC 9679 thumbprint

Give FILE.pub.cbor to the registry's operator and to relying parties.

Algorithms: ${ALGORITHMS.map(({ name }) => name).join(', ')}

Example:
  $ attestry keygen --alg ES256 --out issuer.pem
`

interface KeygenOptions {
  readonly alg: string
  readonly out: string
}

export function addKeygen(program: Command): void {
  addCommand(program, 'keygen', { description: 'make a signing key', help: HELP })
    .option('--alg <name>', 'signature algorithm', parseAlgorithm, 'ES256')
    .requiredOption('--out <file.pem>', 'private key file to create')
    .action(run(keygen))
}

/** Where the public key of a private key file goes: `issuer.pem` → `issuer.pub.cbor`. */
export function publicKeyPath(privateKeyPath: string): string {
  return `${privateKeyPath.replace(/\.pem$/, '')}.pub.cbor`
}

async function keygen(options: KeygenOptions): Promise<Report> {
  if (options.out === '-') {
    throw new CliError('ERR_USAGE', 'a private key is not written to standard output', {
      hint: 'name a file: --out issuer.pem',
    })
  }
  const { thumbprint, publicPath } = await createKeyPair(options.out, options.alg)
  return {
    json: {
      algorithm: options.alg,
      privateKey: options.out,
      publicKey: publicPath,
      thumbprint: encodeHex(thumbprint),
    },
    lines: fields([
      ['algorithm', options.alg],
      ['private key', `${options.out} (mode 0600, keep it)`],
      ['public key', `${publicPath} (COSE_Key, give it away)`],
      ['thumbprint', encodeHex(thumbprint)],
    ]),
  }
}

/**
 * Creates both files.
 * @throws CliError `ERR_FILE_EXISTS` when one of them is there; nothing is written then.
 */
export async function createKeyPair(
  privatePath: string,
  algorithm: string,
): Promise<{ readonly thumbprint: Uint8Array; readonly publicPath: string }> {
  const { id } = algorithmByName(algorithm)
  const publicPath = publicKeyPath(privatePath)
  for (const path of [privatePath, publicPath]) {
    if (await exists(path)) {
      throw new CliError('ERR_FILE_EXISTS', `${path}: exists already and is not overwritten`, {
        hint: 'choose another --out; an overwritten key is lost for ever',
      })
    }
  }
  let publicKey: PublicKey
  try {
    publicKey = await generateKeyFile(privatePath, algorithm)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno === undefined) throw error
    throw fileError(privatePath, error)
  }
  await writeNewFile(publicPath, encodeCoseKey({ ...publicKey, algorithm: id }))
  return { thumbprint: keyThumbprint(publicKey), publicPath }
}

/** A signer of a key file, with the algorithm that the key was made for unless another is named. */
export async function loadKeyFile(path: string, named?: string): Promise<Signer> {
  const algorithm = named ?? (await algorithmOfKeyFile(path))
  return loadSigner(path, algorithm === undefined ? {} : { algorithm })
}

/**
 * The algorithm that a key was made for. PKCS #8 says only "RSA", so the public key file beside the
 * private one is asked; without one the key's usual algorithm is taken.
 */
async function algorithmOfKeyFile(privatePath: string): Promise<string | undefined> {
  const publicPath = publicKeyPath(privatePath)
  if (!(await exists(publicPath))) return undefined
  const { algorithm } = parseCoseKey(await readInput(publicPath))
  return ALGORITHMS.find(({ id }) => id === algorithm)?.name
}
