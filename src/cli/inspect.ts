/** `attestry inspect FILE`: what a file holds, readable and safe to print. It verifies nothing. */
import type { Command } from 'commander'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { nameOf, readInput } from './files.ts'
import { inspectBytes } from './inspect/inspect-bytes.ts'
import { renderItems } from './inspect/item.ts'

const HELP = `
Reads Signed and Transparent Statements, Receipts, signed tree heads, C2SP checkpoints,
tlog-proofs and cosignatures, COSE keys and key sets, PEM files, certificates, trust files,
TEE evidence, its collateral, reference values (CoRIM), and EARs.
Control characters in them are shown as \\u{…}. Private keys are never printed. Nothing is
verified: use \`attestry verify\`, and \`attestry appraise\` for evidence.

Examples:
  $ attestry inspect sbom.transparent.cose
  $ attestry inspect quote.bin
  $ curl -s http://127.0.0.1:8080/checkpoint | attestry inspect -
`

export function addInspect(program: Command): void {
  addCommand(program, 'inspect', { description: 'show what a file holds', help: HELP })
    .argument('FILE', 'file to read, or - for standard input')
    .action(run(inspect))
}

async function inspect(file: string): Promise<Report> {
  const bytes = await readInput(file)
  const { kind, items } = inspectBytes(bytes)
  const digest = encodeHex(sha256(bytes))
  return {
    json: { file: nameOf(file), kind, bytes: bytes.length, sha256: digest, verified: false, items },
    lines: [
      { text: `${nameOf(file)}: ${kind}, ${bytes.length} bytes, nothing verified`, tone: 'strong' },
      ...renderItems(items),
    ],
  }
}
