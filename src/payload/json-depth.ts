/** How deeply a JSON value is nested: a bound, so that whoever walks it later may recurse. */

/** Deepest nesting of lists and objects that a payload may have to be looked into. */
export const JSON_DEPTH_MAX = 64

/** True when lists and objects are nested at most `depthMax` deep; recurses no deeper than that. */
export function isShallow(value: unknown, depthMax: number = JSON_DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depthMax === 0) return false
  if (Array.isArray(value)) return value.every((item) => isShallow(item, depthMax - 1))
  for (const name in value) {
    if (!isShallow((value as Readonly<Record<string, unknown>>)[name], depthMax - 1)) return false
  }
  return true
}
