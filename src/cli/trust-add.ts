/** `attestry trust add`: who may speak for which issuer, in a relying party's trust file. */
import type { Command } from 'commander'
import { encodeTrustAnchor } from '../statement/trust-anchor.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { collect, parseAnchorSpec } from './option-values.ts'
import { fields } from './terminal.ts'
import { readAnchor, readTrustFileOrEmpty, writeTrustFile } from './trust-file.ts'
import { anchorName, anchorPatterns } from './trust-text.ts'

const HELP = `
FILE is a COSE_Key (issuer.pub.cbor), a PEM public key or a certificate, which then is a
root. PATTERN says for which issuers it may speak; * stands for any text. Without a
pattern the anchor may speak for any issuer. FILE may also be the JSON of one anchor, which
says itself for whom it speaks.

Examples:
  $ attestry trust add trust.json --issuer issuer.pub.cbor=https://ci.example.org
  $ attestry trust add trust.json --issuer root.pem='did:x509:0:sha256:*'
`

interface TrustAddOptions {
  readonly issuer: readonly string[]
}

export function addTrustAdd(trust: Command): void {
  addCommand(trust, 'add', { description: 'add issuer anchors to a trust file', help: HELP })
    .argument('TRUST', 'trust file; created when it does not exist')
    .requiredOption('--issuer <file[=pattern]>', 'anchor to add (repeatable)', collect)
    .action(run(trustAdd))
}

async function trustAdd(path: string, options: TrustAddOptions): Promise<Report> {
  const before = await readTrustFileOrEmpty(path)
  const known = new Set(before.issuers.map(canonical))
  const added: TrustAnchor[] = []
  for (const anchor of await readAnchors(options.issuer)) {
    if (known.has(canonical(anchor))) continue
    known.add(canonical(anchor))
    added.push(anchor)
  }
  const trust = { ...before, issuers: [...before.issuers, ...added] }
  if (added.length > 0) await writeTrustFile(path, trust)
  return {
    json: { trust: path, added: added.map(encodeTrustAnchor), anchors: trust.issuers.length },
    lines:
      added.length === 0
        ? [`${path} has this already`]
        : fields(
            added.map((anchor) => ['added', `${anchorName(anchor)} for ${anchorPatterns(anchor)}`]),
          ),
  }
}

/** Anchors named as `FILE[=PATTERN]` on a command line. */
export async function readAnchors(specs: readonly string[]): Promise<TrustAnchor[]> {
  const anchors: TrustAnchor[] = []
  for (const spec of specs) {
    const { path, issuers } = await parseAnchorSpec(spec)
    anchors.push(await readAnchor(path, issuers))
  }
  return anchors
}

function canonical(anchor: TrustAnchor): string {
  return JSON.stringify(encodeTrustAnchor(anchor))
}
