/** What an import did, for people and for programs. */
import type { AttributeName } from '../../payload/description.ts'
import { codeOf, errorJson } from '../command.ts'
import type { Report } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { STORED } from '../payload-upload.ts'
import { fields, formatNumber, formatTime } from '../terminal.ts'
import type { Line } from '../terminal.ts'
import type { ImportedItem, ImportOutcome } from './import-payload.ts'

/** Something that was left out, and why. */
export interface SkippedItem {
  readonly source: string
  readonly reason: string
}

export function importReport(
  { imported, failed }: ImportOutcome,
  skipped: readonly SkippedItem[] = [],
): Report {
  return {
    exitCode: failed.length === 0 ? EXIT.ok : EXIT.failed,
    json: {
      imported: imported.map(itemJson),
      skipped,
      failed: failed.map(({ source, error }) => ({ source, error: errorJson(error) })),
    },
    lines: [
      ...imported.flatMap(itemLines),
      ...failed.map(({ source, error }): Line => ({
        text: `${source}: ${(error as Error).message} (${codeOf(error)})`,
        tone: 'bad',
      })),
      ...skipped.map(({ source, reason }): Line => ({
        text: `${source}: left out: ${reason}`,
        tone: 'warn',
      })),
    ],
  }
}

function itemJson(item: ImportedItem): Record<string, unknown> {
  const { source, mediaType, description, registered, stored, output, verified } = item
  const { statement, entryId, location } = registered
  return {
    source,
    entryId,
    leafIndex: statement.leafIndex ?? null,
    treeSize: statement.treeSize ?? null,
    registrationTime: statement.registrationTime ?? null,
    location,
    log: statement.log.issuer,
    issuer: statement.issuer ?? null,
    subject: statement.subject ?? null,
    mediaType,
    kind: description.kind,
    type: description.type,
    innerIdentity: valuesOf(item, 'inner-identity')[0] ?? null,
    innerIssuer: valuesOf(item, 'inner-issuer')[0] ?? null,
    innerKey: valuesOf(item, 'inner-key')[0] ?? null,
    innerVerifiedWith: verified ?? null,
    findings: description.findings,
    payload: stored ?? null,
    output: output ?? null,
  }
}

function itemLines(item: ImportedItem): Line[] {
  const { source, description, registered, stored, output, verified } = item
  const { statement, entryId } = registered
  const { leafIndex, registrationTime } = statement
  return [
    { text: `${source}: registered, Receipt verified`, tone: 'good' },
    ...fields([
      ['is', `${description.kind}, ${description.type}`],
      ['about', statement.subject],
      ['signed by', valuesOf(item, 'inner-identity')[0] ?? valuesOf(item, 'inner-key')[0]],
      ['vouched for by', valuesOf(item, 'inner-issuer')[0]],
      ['verified with', verified],
      ['imported by', statement.issuer],
      ['entry id', entryId],
      ['index', leafIndex === undefined ? undefined : formatNumber(leafIndex)],
      ['registered', registrationTime === undefined ? undefined : formatTime(registrationTime)],
      ['payload', stored === undefined ? undefined : STORED[stored]],
      ['written', output],
    ]),
    ...description.findings.map(({ code, message }): Line => ({
      text: `${code}: ${message}`,
      tone: 'warn',
    })),
  ]
}

function valuesOf({ description }: ImportedItem, wanted: AttributeName): readonly string[] {
  return description.attributes.flatMap(({ name, value }) => (name === wanted ? [value] : []))
}
