/** `attestry payload get`: content of a hash envelope, compared with its digest. */
import type { Command } from 'commander'
import { PayloadClient } from '../client/payload-client.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'
import { PAYLOAD_BYTES_MAX, writeOutput } from './files.ts'
import { parseName, parseUrl } from './option-values.ts'
import { assertOneOutput } from './outputs.ts'
import { fields } from './terminal.ts'

const HELP = `
Written only if it has the digest. What it says is up to you to judge; verify the statement
that names it: attestry verify STATEMENT --payload FILE.

Example:
  $ attestry payload get sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae \\
      --url https://log.example.org -o image.tar
`

interface GetOptions extends CommonOptions {
  readonly url: string
  readonly output: string
}

export function addPayloadGet(payload: Command): void {
  addCommand(payload, 'get', { description: 'fetch content of a hash envelope', help: HELP })
    .argument('DIGEST', 'sha256:, sha384: or sha512: and lower-case hex', parseName)
    .requiredOption('--url <url>', 'address of the registry', parseUrl)
    .option('-o, --output <file>', 'file to write, - for standard output', '-')
    .action(run(get))
}

async function get(name: PayloadName, options: GetOptions): Promise<Report> {
  assertOneOutput(options)
  const { url, output } = options
  const bytes = await new PayloadClient({ url }).get(name, PAYLOAD_BYTES_MAX)
  await writeOutput(output, bytes)
  const text = formatPayloadName(name)
  return {
    json: { payload: text, bytes: bytes.length, output },
    lines: fields([
      ['payload', text],
      ['bytes', String(bytes.length)],
      ['written', output === '-' ? undefined : output],
    ]),
    outputIsBytes: output === '-',
  }
}
