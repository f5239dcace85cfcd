/**
 * `attestry import sbom`: an SPDX or CycloneDX document goes in by its digest, because most are too
 * large for an entry; the document itself is handed to the payload store, where the index reads it.
 */
import type { Command } from 'commander'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { asObject, listAt, memberAt, textAt } from '../../payload/json-members.ts'
import type { JsonObject } from '../../payload/json-members.ts'
import { CliError } from '../cli-error.ts'
import { addCommand, run } from '../command.ts'
import type { Report } from '../command.ts'
import { nameOf, readInput } from '../files.ts'
import { addImportOptions, importPayloads } from './import-payload.ts'
import type { ImportItem, ImportOptions } from './import-payload.ts'
import { importReport } from './import-report.ts'

const HELP = `
FILE is SPDX 2 or CycloneDX in JSON. Only its digest is in the entry; the document is public
in the registry's payload store. Without a token it is stored once its entry is there.

Examples:
  $ attestry import sbom app.cdx.json --key importer.pem --issuer https://me.example \\
      --url https://log.example.org
  $ attestry import sbom app.spdx.json --subject pkg:oci/app@sha256:… --key importer.pem \\
      --issuer https://me.example --url https://log.example.org
`

export function addImportSbom(parent: Command): void {
  const command = addCommand(parent, 'sbom', {
    description: 'register a software bill of materials',
    help: HELP,
  })
  addImportOptions(command.argument('FILE', 'SPDX or CycloneDX JSON, or -')).action(run(importSbom))
}

async function importSbom(file: string, options: ImportOptions): Promise<Report> {
  const item = readSbom(await readInput(file), nameOf(file))
  return importReport(await importPayloads([item], options))
}

/** @throws CliError `ERR_FILE` for JSON that is neither. */
function readSbom(payload: Uint8Array, source: string): ImportItem {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: source } as const
  const json = asObject(parseStrictJson(payload, context)) ?? {}
  const isHashed = true
  if (json['bomFormat'] === 'CycloneDX') {
    const mediaType = 'application/vnd.cyclonedx+json'
    return { source, payload, isHashed, mediaType, subject: cycloneDxSubject(json) }
  }
  if (textAt(json, 'spdxVersion') !== undefined) {
    return {
      source,
      payload,
      isHashed,
      mediaType: 'application/spdx+json',
      subject: spdxSubject(json),
    }
  }
  throw new CliError('ERR_FILE', `${source}: neither SPDX 2 nor CycloneDX in JSON`)
}

/** The package that is described, by its package URL; else the document. */
function cycloneDxSubject(json: JsonObject): string {
  return (
    textAt(json, 'metadata', 'component', 'purl') ??
    textAt(json, 'serialNumber') ??
    textAt(json, 'metadata', 'component', 'name') ??
    'urn:attestry:sbom'
  )
}

function spdxSubject(json: JsonObject): string {
  const described = new Set([
    ...listAt(json, 'documentDescribes'),
    ...listAt(json, 'relationships').flatMap((one) =>
      memberAt(one, 'relationshipType') === 'DESCRIBES'
        ? [memberAt(one, 'relatedSpdxElement')]
        : [],
    ),
  ])
  const root = listAt(json, 'packages').find((one) => described.has(memberAt(one, 'SPDXID')))
  const purl = listAt(root, 'externalRefs')
    .filter((one) => memberAt(one, 'referenceType') === 'purl')
    .map((one) => textAt(one, 'referenceLocator'))[0]
  return purl ?? textAt(json, 'documentNamespace') ?? textAt(json, 'name') ?? 'urn:attestry:sbom'
}
