/** `attestry key retire`: the outgoing checkpoint key of a rotation signs no more. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { fields } from './terminal.ts'

const HELP = `
After \`attestry key rotate --purpose checkpoint\` both keys sign. This ends it, with the server
stopped. The retired key stays published under /log-keys, for checkpoints of its time.

Example:
  $ attestry key retire --data ./data --purpose checkpoint
`

export function addKeyRetire(key: Command): void {
  addLogPlace(
    addCommand(key, 'retire', { description: 'end the time in which two keys sign', help: HELP }),
  )
    .addOption(
      new Option('--purpose <purpose>', 'which key').choices(['checkpoint']).makeOptionMandatory(),
    )
    .action(run(retire))
}

async function retire({ data, store }: LogPlaceOptions): Promise<Report> {
  const { retireKey } = await import('../app/rotate-key.ts')
  const { retired, vkey } = await retireKey({ data, store })
  const keyIds = retired.map(({ keyId }) => encodeHex(keyId))
  return {
    json: { data, retired: keyIds, vkey },
    lines: [
      { text: `${data}: one checkpoint key is signing`, tone: 'good' },
      ...fields([...keyIds.map((keyId) => ['retired', keyId] as const), ['verifier key', vkey]]),
    ],
  }
}
