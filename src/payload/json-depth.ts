/** How deeply a JSON value is nested: a bound, so that whoever walks it later may recurse. */

/** Deepest nesting of lists and objects that a payload may have to be looked into. */
export const JSON_DEPTH_MAX = 64

/** True when lists and objects are nested at most `depthMax` deep. Itself does not recurse. */
export function isShallow(value: unknown, depthMax: number = JSON_DEPTH_MAX): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const nested = level.filter((item) => typeof item === 'object' && item !== null)
    if (nested.length > 0 && depth >= depthMax) return false
    level = nested.flatMap((item) => Object.values(item) as unknown[])
  }
  return true
}
