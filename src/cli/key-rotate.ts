/** `attestry key rotate`: another receipt or checkpoint key for a log. */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { KeyRotation } from '../app/rotate-key.ts'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { fields } from './terminal.ts'

const HELP = `
Stop the server first; it signs with the new key from its next head on.
  receipt     old Receipts verify for ever with the retired key, which stays published.
              Relying parties run \`attestry trust fetch --replace\` after comparing.
  checkpoint  both keys sign until \`attestry key retire\`, so nobody who pins the old one
              is cut off. Give the new verifier key to witnesses, mirrors and auditors.
The old private key stays in DIR/keys; destroy it when nothing needs it any more.

Example:
  $ attestry key rotate --data ./data --purpose receipt
`

interface RotateOptions extends LogPlaceOptions {
  readonly purpose: 'receipt' | 'checkpoint'
  readonly receiptKey?: string
}

export function addKeyRotate(key: Command): void {
  addLogPlace(
    addCommand(key, 'rotate', { description: 'replace a signing key of the log', help: HELP }),
  )
    .addOption(
      new Option('--purpose <purpose>', 'which key')
        .choices(['receipt', 'checkpoint'])
        .makeOptionMandatory(),
    )
    .option('--receipt-key <uri>', 'PKCS #11 URI of the new receipt key, when a token holds it')
    .action(run(rotate))
}

async function rotate({ data, store, purpose, receiptKey }: RotateOptions): Promise<Report> {
  const { rotateKey } = await import('../app/rotate-key.ts')
  const rotation = await rotateKey({ data, store }, purpose, receiptKey)
  const { keyId, path, vkeys, before } = rotation
  const previous = before.map((one) => encodeHex(one.keyId))
  return {
    json: { data, purpose, keyId: encodeHex(keyId), privateKey: path, previous, vkeys },
    lines: [
      { text: `${data}: the log has a new ${purpose} key`, tone: 'good' },
      ...fields([
        ['thumbprint', encodeHex(keyId)],
        ['private key', path],
        ...previous.map((one) => [purpose === 'receipt' ? 'retired' : 'outgoing', one] as const),
        ...(purpose === 'checkpoint' ? vkeys.map((one) => ['verifier key', one] as const) : []),
      ]),
      next(rotation),
    ],
  }
}

function next({ purpose }: KeyRotation): string {
  return purpose === 'receipt'
    ? 'Start the server. Relying parties: attestry trust fetch --replace, after comparing.'
    : 'Start the server. When everybody has the new key: attestry key retire --purpose checkpoint'
}
