/** `attestry log vkey`: the verifier key of a log's checkpoints, for C2SP clients and witnesses. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'

const HELP = `
Prints one line: origin, key id and Ed25519 public key, as C2SP signed-note has it. Give it
to auditors, mirrors and witnesses by a way they trust; the server's /log-key is for
convenience. --all also prints the outgoing key of a rotation and the retired ones.

Example:
  $ attestry log vkey --data ./data
`

interface VkeyOptions extends LogPlaceOptions {
  readonly all?: boolean
}

export function addLogVkey(log: Command): void {
  addLogPlace(
    addCommand(log, 'vkey', { description: 'print the key that signs checkpoints', help: HELP }),
  )
    .option('--all', 'also keys that sign no more, or are about to')
    .action(run(vkey))
}

async function vkey({ data, store, all }: VkeyOptions): Promise<Report> {
  const { readVerifierKeys } = await import('../app/rotate-key.ts')
  const { origin, active, retired } = await readVerifierKeys({ data, store })
  const [newest = '', ...outgoing] = active
  const others = all === true ? [...outgoing, ...retired] : []
  return {
    json: { origin, vkey: newest, outgoing, retired },
    lines: [newest, ...others],
  }
}
