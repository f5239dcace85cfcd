/** `attestry payload put`: hands content over to a registry's payload store. */
import type { Command } from 'commander'
import type { DigestName } from '../bytes/digest.ts'
import { digest } from '../bytes/digest.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import { readToken } from './bearer-token.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { PAYLOAD_BYTES_MAX, nameOf, readInput } from './files.ts'
import { parseDigestName, parseUrl } from './option-values.ts'
import { STORED, storePayload } from './payload-upload.ts'
import { fields } from './terminal.ts'

const HELP = `
Content of a hash envelope that is registered already needs no token; anything else does. It is
public at once. Storing before registering lets the registry read it when it decides.

Examples:
  $ attestry payload put image.tar --url https://log.example.org --token-file token
  $ attestry payload put image.tar --hash sha-512 --url https://log.example.org
`

interface PutOptions extends CommonOptions {
  readonly url: string
  readonly hash: DigestName
  readonly tokenFile?: string
}

export function addPayloadPut(payload: Command): void {
  addCommand(payload, 'put', { description: 'store content of a hash envelope', help: HELP })
    .argument('FILE', 'content, or - for standard input')
    .requiredOption('--url <url>', 'address of the registry', parseUrl)
    .option('--hash <name>', 'digest of the envelope', parseDigestName, 'SHA-256')
    .option('--token-file <file>', 'bearer token; by default from ATTESTRY_TOKEN')
    .action(run(put))
}

async function put(file: string, { url, hash, tokenFile }: PutOptions): Promise<Report> {
  const bytes = await readInput(file, PAYLOAD_BYTES_MAX)
  const name = { algorithm: hash, digest: digest(hash, bytes) }
  const token = await readToken(tokenFile)
  const stored = await storePayload({ url, token, name, bytes })
  const text = formatPayloadName(name)
  return {
    json: { payload: text, bytes: bytes.length, stored },
    lines: [
      { text: `${nameOf(file)}: ${STORED[stored]}`, tone: 'good' },
      ...fields([
        ['payload', text],
        ['bytes', String(bytes.length)],
        ['location', `${url}/payloads/${text}`],
      ]),
    ],
  }
}
