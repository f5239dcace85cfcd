/**
 * OpenSSF Security Insights: YAML that a project publishes about itself. Everything in it is asserted
 * by the project; it is read for what it is about, and for being of the form of version 2 (files of
 * version 1 are only looked into).
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { BytesHandler, BytesInput } from '../handler.ts'
import { asObject, listAt, memberAt, textAt } from '../json-members.ts'
import type { JsonObject } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { checkSchema } from '../schema-check.ts'
import { parseStrictYaml } from '../strict-yaml.ts'

export const securityInsights: BytesHandler = {
  kind: 'security-insights',
  check: ({ bytes }) => void readSecurityInsights(bytes),
  describe,
}

/** @throws PayloadError for other YAML than a Security Insights file. */
function readSecurityInsights(bytes: Uint8Array): JsonObject {
  const json = asObject(parseStrictYaml(bytes))
  if (json === undefined) {
    malformed('', 'the document is not a map')
  }
  checkSchema('security-insights', json, '')
  const names = ['project', 'repository']
  const isVersion1 = textAt(json, 'header', 'schema-version')?.startsWith('1.') === true
  if (!isVersion1 && names.every((name) => memberAt(json, name) === undefined)) {
    const message = 'is missing, and so is a repository'
    malformed('/project', message)
  }
  return json
}

/** True for YAML whose header has the version of the Security Insights schema. */
export function looksLikeSecurityInsights(text: string): boolean {
  return (
    /^(["']?)header\1[ \t]*:/m.test(text) && /^[ \t]+(["']?)schema-version\1[ \t]*:/m.test(text)
  )
}

function describe({ bytes }: BytesInput, out: DescriptionBuilder): void {
  const json = readSecurityInsights(bytes)
  out.attribute('document-id', textAt(json, 'header', 'url'))
  out.attribute('resource-uri', textAt(json, 'header', 'project-si-source'))
  out.attribute('tool', `security-insights@${textAt(json, 'header', 'schema-version') ?? ''}`)
  out.attribute('package', textAt(json, 'project', 'name'))
  out.attribute('repository', textAt(json, 'header', 'project-url'))
  out.attribute('repository', textAt(json, 'repository', 'url'))
  out.attribute('result', textAt(json, 'repository', 'status'))
  for (const repository of listAt(json, 'project', 'repositories')) {
    out.attribute('repository', textAt(repository, 'url'))
  }
  out.time('evaluated-on', startOfDay(textAt(json, 'header', 'last-reviewed')))
  out.time('expires-on', textAt(json, 'header', 'expiration-date'))
  const updated = textAt(json, 'header', 'last-updated')
  const reviewed = textAt(json, 'header', 'last-reviewed')
  if (updated !== undefined && reviewed !== undefined && reviewed < updated) {
    const message = 'it was changed after it was last reviewed'
    out.finding('review-outdated', message, '/header/last-reviewed')
  }
}

const startOfDay = (day: string | undefined): string | undefined =>
  day === undefined ? undefined : `${day}T00:00:00Z`
