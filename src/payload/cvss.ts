/**
 * The base score of a CVSS v3.0 or v3.1 vector (FIRST, CVSS v3.1 Specification §7.1), so that what
 * scanners and vulnerability databases state can be compared as a number. Temporal and environmental
 * metrics may be there and change nothing here; vectors of versions 2 and 4 are not computed.
 */

const PREFIX = /^CVSS:3\.[01]\//
const VECTOR_LENGTH_MAX = 512

const IMPACT = { N: 0, L: 0.22, H: 0.56 }
/** Weights of the base metrics; those of PR depend on the scope. */
const WEIGHTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  PR: { N: 0.85, L: 0.62, H: 0.27 },
  UI: { N: 0.85, R: 0.62 },
  S: { U: 0, C: 1 },
  C: IMPACT,
  I: IMPACT,
  A: IMPACT,
}
const PRIVILEGES_WHEN_CHANGED: Readonly<Record<string, number>> = { N: 0.85, L: 0.68, H: 0.5 }

/** 0.0 to 10.0, or `undefined` for what is not a complete CVSS v3 vector. */
export function cvssBaseScore(vector: string): number | undefined {
  if (vector.length > VECTOR_LENGTH_MAX || !PREFIX.test(vector)) return undefined
  const metrics = new Map<string, string>()
  for (const part of vector.split('/').slice(1)) {
    const [name, value, ...rest] = part.split(':')
    if (name === undefined || value === undefined || rest.length > 0 || metrics.has(name)) {
      return undefined
    }
    metrics.set(name, value)
  }
  const weights = new Map<string, number>()
  for (const [name, values] of Object.entries(WEIGHTS)) {
    const value = metrics.get(name)
    if (value === undefined || !Object.hasOwn(values, value)) return undefined
    weights.set(name, values[value]!)
  }
  const isChanged = metrics.get('S') === 'C'
  if (isChanged) weights.set('PR', PRIVILEGES_WHEN_CHANGED[metrics.get('PR')!]!)
  return score((name) => weights.get(name)!, isChanged)
}

function score(weight: (name: string) => number, isChanged: boolean): number {
  const base = 1 - (1 - weight('C')) * (1 - weight('I')) * (1 - weight('A'))
  const impact = isChanged ? 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 : 6.42 * base
  if (impact <= 0) return 0
  const exploitability = 8.22 * weight('AV') * weight('AC') * weight('PR') * weight('UI')
  return roundUp(Math.min((isChanged ? 1.08 : 1) * (impact + exploitability), 10))
}

/** Appendix A of v3.1: to one decimal, upwards, and the same on every machine. */
function roundUp(value: number): number {
  const scaled = Math.round(value * 100_000)
  return scaled % 10_000 === 0 ? scaled / 100_000 : (Math.floor(scaled / 10_000) + 1) / 10
}
