/** Reference values of an unsigned CoRIM for people: what a measured environment is held against. */
import { parseCorim } from '../../payload/tee/corim.ts'
import type { CorimEnvironment } from '../../payload/tee/comid.ts'
import { fingerprint } from '../trust-text.ts'
import { formatTime } from '../terminal.ts'
import type { Inspection, Item } from './item.ts'
import { tryRead } from './try-read.ts'

/** What the bytes hold, when they are a CoRIM; `undefined` for anything else. */
export function inspectCorim(bytes: Uint8Array): Inspection | undefined {
  const corim = tryRead(() => parseCorim(bytes))
  if (corim === undefined) return undefined
  const { profile, notBefore, notAfter, referenceValues, attestationKeys, otherTriples } = corim
  const items = [
    ...optional('profile', profile),
    ...optional('from', notBefore === undefined ? undefined : formatTime(notBefore)),
    ...optional('until', notAfter === undefined ? undefined : formatTime(notAfter)),
    ...referenceValues.map(({ environment, name = 'unnamed', algorithm, value }): Item => {
      return { name, value: `${algorithm}:${value}`, items: environmentItems(environment) }
    }),
    ...attestationKeys.map(({ environment, key }): Item => {
      return { name: 'platform key', value: fingerprint(key), items: environmentItems(environment) }
    }),
    ...(otherTriples === 0 ? [] : [{ name: 'not read', value: `${otherTriples} other triples` }]),
  ]
  return { kind: 'reference values (CoRIM)', items }
}

function environmentItems(environment: CorimEnvironment): Item[] {
  return Object.entries(environment).map(([name, value]) => ({ name, value: String(value) }))
}

function optional(name: string, value: string | undefined): Item[] {
  return value === undefined ? [] : [{ name, value }]
}
