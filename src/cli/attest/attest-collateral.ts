/**
 * `attestry attest collateral`: what a vendor's service serves, as the one bundle that is registered
 * once and named by all evidence that needs it (docs/tee.md).
 */
import type { Command } from 'commander'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../payload/tee/collateral-bundle.ts'
import { addCommand, run } from '../command.ts'
import type { CommonOptions, Report } from '../command.ts'
import { writeOutput } from '../files.ts'
import { collateralItems } from '../inspect/collateral.ts'
import { renderItems } from '../inspect/item.ts'
import { assertOneOutput } from '../outputs.ts'
import { readCollateralInput } from './evidence-input.ts'
import { attestExitCode } from './input-mistakes.ts'

const HELP = `
PATH is a directory, or one file, of what the vendor's service serves. A file is known by what is in
it. Nothing is fetched and nothing is verified: evidence that names the bundle is.

Example:
  $ attestry attest collateral pcs/ -o collateral.cbor
  $ attestry sign collateral.cbor --type ${COLLATERAL_MEDIA_TYPE} \\
      --key issuer.pem --issuer https://ci.example.org --subject urn:collateral -o collateral.cose
  $ attestry register collateral.cose --url https://log.example.org
`

interface CollateralOptions extends CommonOptions {
  readonly output: string
}

export function addAttestCollateral(attest: Command): void {
  const description = "make a bundle of a vendor's collateral, to register it once"
  addCommand(attest, 'collateral', { description, help: HELP })
    .argument('PATH', 'directory or file of collateral')
    .requiredOption('-o, --output <file>', 'bundle to write, - for standard output')
    .action(run(collateral, attestExitCode))
}

async function collateral(path: string, options: CollateralOptions): Promise<Report> {
  assertOneOutput(options)
  const { output } = options
  const bundle = await readCollateralInput(path)
  const bytes = encodeCollateral(bundle)
  await writeOutput(output, bytes)
  const digest = encodeHex(sha256(bytes))
  return {
    json: { output, bytes: bytes.length, sha256: digest, parts: Object.keys(bundle) },
    lines: [
      ...renderItems(collateralItems(bundle)),
      { text: `written to ${output} (${bytes.length} bytes)`, tone: 'good' },
    ],
    outputIsBytes: output === '-',
  }
}
