/**
 * S2C2F said in somebody else's words: levels and requirements as texts of a VSA or SVR
 * (`S2C2F_LEVEL_3`, `S2C2F_AUD-1`), and as requirements of a CycloneDX attestation (`S2C2F AUD-1`).
 * Nothing there cites evidence for a single requirement, so a text alone is an assertion.
 */
import type { DescriptionBuilder } from './description-builder.ts'
import { asText, listAt, memberAt, textAt } from './json-members.ts'
import { findRequirement, s2c2fLevel } from './s2c2f-framework.ts'
import type { S2c2fStatus } from './s2c2f-framework.ts'
import type { S2c2fMark } from './s2c2f-report.ts'

const PREFIX = 'S2C2F_'

/**
 * Reads the texts of a VSA's `verifiedLevels` or an SVR's `properties`; others are passed over.
 * @param pointer of the list.
 */
export function describeS2c2fTexts(
  texts: readonly unknown[],
  pointer: string,
  out: DescriptionBuilder,
): void {
  const met = new Map<string, S2c2fStatus>()
  texts.forEach((value, at) => {
    const name = asText(value)
    if (name?.startsWith(PREFIX) !== true) return
    const text = name.slice(PREFIX.length)
    const level = /^LEVEL_([0-4])$/.exec(text)?.[1]
    if (level !== undefined) out.number('conformance-level', Number(level))
    else if (findRequirement(text) !== undefined) met.set(text, 'met')
    else out.finding('s2c2f-unknown', `S2C2F has no ${text}`, `${pointer}/${at}`)
  })
  for (const id of met.keys()) addPractice(id, 'self-asserted', out)
  if (met.size > 0) out.number('conformance-level', s2c2fLevel(met))
}

/** Reads the attestations of a CycloneDX document (`declarations`) that are about S2C2F. */
export function describeS2c2fDeclarations(bom: unknown, at: string, out: DescriptionBuilder): void {
  describeSignatures(bom, at, out)
  const requirements = requirementNames(bom)
  const claims = new Map(
    listAt(bom, 'declarations', 'claims').map((claim) => [textAt(claim, 'bom-ref'), claim]),
  )
  listAt(bom, 'declarations', 'attestations').forEach((attestation, index) => {
    listAt(attestation, 'map').forEach((item, position) => {
      const name = textAt(item, 'requirement') ?? ''
      const id = /^S2C2F[ _:](.+)$/.exec(requirements.get(name) ?? name)?.[1]
      if (id === undefined) return
      const pointer = `${at}/declarations/attestations/${index}/map/${position}/requirement`
      if (findRequirement(id) === undefined) {
        out.finding('s2c2f-unknown', `S2C2F has no ${id}`, pointer)
      } else {
        addPractice(id, markOf(item, claims), out)
      }
    })
  })
}

/** JSF signatures in the declarations are recorded as what they are: not verified. */
function describeSignatures(bom: unknown, at: string, out: DescriptionBuilder): void {
  const parts = ['attestations', 'claims', 'evidence'].flatMap((name) =>
    listAt(bom, 'declarations', name).map((item, index) => ({ item, path: `${name}/${index}` })),
  )
  const affirmation = memberAt(bom, 'declarations', 'affirmation')
  const whole = { item: memberAt(bom, 'declarations'), path: '' }
  for (const { item, path } of [whole, ...parts, { item: affirmation, path: 'affirmation' }]) {
    if (memberAt(item, 'signature') === undefined) continue
    const pointer = [at, 'declarations', path, 'signature'].filter((part) => part !== '').join('/')
    const message = 'the signature inside is not verified'
    out.finding('signature-not-checked', message, at === '' ? `/${pointer}` : pointer)
  }
}

/** A requirement may be named by reference to a standard that the document defines. */
function requirementNames(bom: unknown): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const standard of listAt(bom, 'definitions', 'standards')) {
    const isS2c2f = /^S2C2F\b/.test(textAt(standard, 'name') ?? '')
    for (const requirement of listAt(standard, 'requirements')) {
      const reference = textAt(requirement, 'bom-ref')
      const identifier = textAt(requirement, 'identifier') ?? ''
      const isPrefixed = /^S2C2F[ _:]/.test(identifier)
      if (reference === undefined || !(isS2c2f || isPrefixed)) continue
      names.set(reference, isPrefixed ? identifier : `S2C2F ${identifier}`)
    }
  }
  return names
}

/** Conforming, with a claim that has evidence; conforming; or not fully conforming. */
function markOf(item: unknown, claims: ReadonlyMap<string | undefined, unknown>): S2c2fMark {
  const score = memberAt(item, 'conformance', 'score')
  if (typeof score !== 'number' || score < 1) return 'no-evidence'
  const isEvidenced = listAt(item, 'claims').some(
    (name) => listAt(claims.get(asText(name)), 'evidence').length > 0,
  )
  return isEvidenced ? 'evidenced' : 'self-asserted'
}

/** The nine requirements that no statement can evidence are never more than asserted. */
function addPractice(id: string, mark: S2c2fMark, out: DescriptionBuilder): void {
  const canBe = findRequirement(id)!.evidence.length > 0
  out.attribute('practice', `${id}:${mark === 'evidenced' && !canBe ? 'self-asserted' : mark}`)
}
