/**
 * Incidents: something was bad for a while (product requirements R17, §10). Selectors are
 * alternatives of conjunctions over a closed set of fields and operators, the window is in
 * registration time and log indexes win over times. What an incident does to verdicts, and who may
 * declare one, is not decided here.
 */
import { encodeUtf8 } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import type { AttributeName } from '../description.ts'
import { isHexDigest } from '../digest-forms.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { asText, listAt, memberAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import { looksLikeSecretValue } from '../secret-value.ts'

export const INCIDENT = 'https://attestry.dev/incident/v0.1'

export const incident: JsonHandler = { kind: 'incident', check, describe }

/** Under which attribute the value of a selector's field is found. */
const ATTRIBUTES: ReadonlyMap<string, AttributeName> = new Map<string, AttributeName>([
  ['issuer.key', 'bound-key'],
  ['builder.id', 'builder-id'],
  ['invocation.id', 'invocation-id'],
  ['workflow.identity', 'workflow'],
  ['image.digest', 'build-image'],
  ['platform.measurement', 'measurement'],
  ['tee.measurement', 'measurement'],
  ['verifier.id', 'verifier-id'],
  ['artifact.purl', 'purl'],
])
const DIGEST_FIELDS = ['artifact.digest', 'image.digest', 'cache.digest']

function check({ predicate, at }: JsonInput): void {
  const selectors = listAt(predicate, 'selectors')
  selectors.forEach((selector, index) => {
    listAt(selector, 'all').forEach((condition, position) => {
      checkCondition(condition, `${at}/selectors/${index}/all/${position}`)
    })
  })
  // A digest is the artifact itself, at any time; everything else was bad only for a while.
  const isTimeless = selectors.every((selector) =>
    listAt(selector, 'all').some((condition) => textAt(condition, 'field') === 'artifact.digest'),
  )
  if (memberAt(predicate, 'window') !== undefined) checkWindow(predicate, `${at}/window`)
  else if (!isTimeless) malformed(`${at}/window`, 'is missing')
  listAt(predicate, 'secretsExposed').forEach((name, position) => {
    if (!looksLikeSecretValue(asText(name) ?? '')) return
    malformed(
      `${at}/secretsExposed/${position}`,
      'looks like the value of a secret, not like its name',
    )
  })
}

function checkCondition(condition: unknown, pointer: string): void {
  const field = textAt(condition, 'field') ?? ''
  const isTcb = memberAt(condition, 'below') !== undefined
  if (isTcb !== (field === 'tee.tcb')) {
    malformed(
      `${pointer}/field`,
      isTcb ? '"below" is for tee.tcb' : 'tee.tcb is compared by "below"',
    )
  }
  if (memberAt(condition, 'versions') !== undefined && field !== 'artifact.purl') {
    malformed(`${pointer}/versions`, 'is for artifact.purl')
  }
  for (const value of valuesOf(condition)) {
    if (field === 'artifact.purl' && !/^pkg:[^\s]+$/.test(value)) {
      malformed(`${pointer}/field`, 'its value is not a package URL')
    }
    if (DIGEST_FIELDS.includes(field) && parseDigest(value) === undefined) {
      malformed(`${pointer}/field`, 'its value is not a digest such as sha256:<hex>')
    }
  }
}

/** The texts that a condition compares with. */
function valuesOf(condition: unknown): string[] {
  return [textAt(condition, 'eq'), ...listAt(condition, 'in').map(asText)].filter(
    (value) => value !== undefined,
  )
}

function parseDigest(text: string): { algorithm: string; value: string } | undefined {
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, Math.max(colon, 0))
  const value = text.slice(colon + 1)
  return isHexDigest(algorithm, value) === true ? { algorithm, value } : undefined
}

function checkWindow(predicate: JsonInput['predicate'], pointer: string): void {
  const window = memberAt(predicate, 'window')
  const [from, to] = [textAt(window, 'from'), textAt(window, 'to')]
  const [fromIndex, toIndex] = [memberAt(window, 'fromIndex'), memberAt(window, 'toIndex')]
  if (from === undefined && fromIndex === undefined) {
    malformed(`${pointer}/from`, 'is missing, and so is fromIndex')
  }
  if (from !== undefined && to !== undefined) {
    if (parseRfc3339(to, 'to') < parseRfc3339(from, 'from'))
      malformed(`${pointer}/to`, 'is before from')
  }
  if (typeof fromIndex === 'number' && typeof toIndex === 'number' && toIndex < fromIndex) {
    malformed(`${pointer}/toIndex`, 'is before fromIndex')
  }
}

function describe(input: JsonInput, out: DescriptionBuilder): void {
  const { predicate } = input
  const id = textAt(predicate, 'id') ?? ''
  out.attribute('incident-id', id)
  out.attribute('result', textAt(predicate, 'status'))
  out.attribute('property', textAt(predicate, 'kind'))
  out.attribute('target-entry', textAt(predicate, 'supersedes'))
  for (const name of listAt(predicate, 'references')) out.attribute('advisory', name)
  const window = memberAt(predicate, 'window')
  out.time('started-on', textAt(window, 'from')).time('finished-on', textAt(window, 'to'))
  describeFindings(input, id, out)
  for (const selector of listAt(predicate, 'selectors')) {
    for (const condition of listAt(selector, 'all')) {
      const field = textAt(condition, 'field') ?? ''
      for (const value of valuesOf(condition)) describeValue(field, value, out)
    }
  }
}

function describeFindings(
  { json, predicate, at }: JsonInput,
  id: string,
  out: DescriptionBuilder,
): void {
  const digest = encodeHex(sha256(encodeUtf8(id)))
  const subjects = listAt(json, 'subject')
  if (!subjects.some((subject) => textAt(subject, 'digest', 'sha256') === digest)) {
    const message = 'no subject is the SHA-256 of the id of the incident'
    out.finding('incident-subject', message, '/subject')
  }
  const window = memberAt(predicate, 'window')
  const ends = memberAt(window, 'to') ?? memberAt(window, 'toIndex')
  const isKey = textAt(predicate, 'kind') === 'key-compromise'
  if (isKey && ends !== undefined && textAt(window, 'rekeyEntry') === undefined) {
    const message = 'a stolen key stays stolen: the window has no end until a rekeyEntry is named'
    out.finding('window-end-without-rekey', message, `${at}/window`)
  }
}

function describeValue(field: string, value: string, out: DescriptionBuilder): void {
  const name = ATTRIBUTES.get(field)
  if (name !== undefined) out.attribute(name, value)
  const digest = DIGEST_FIELDS.includes(field) ? parseDigest(value) : undefined
  if (digest === undefined) return
  out.digest(field === 'artifact.digest' ? 'subject' : 'evidence', digest.algorithm, digest.value)
}
