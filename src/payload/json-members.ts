/**
 * Readers for JSON that may hold anything: a member of another type, or `null`, is as good as absent.
 * Inherited names (`constructor`) never count.
 */

/** A parsed JSON object; its members may hold anything. */
export type JsonObject = Readonly<Record<string, unknown>>

/** `value` when it is an object, not a list. */
export function asObject(value: unknown): JsonObject | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as JsonObject) : undefined
}

/** `value` when it is a list, else an empty one. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The member reached by `names` through objects; `null` counts as absent. */
export function memberAt(value: unknown, ...names: readonly string[]): unknown {
  let at: unknown = value
  for (const name of names) {
    const object = asObject(at)
    if (object === undefined || !Object.hasOwn(object, name)) return undefined
    at = object[name]
  }
  return at ?? undefined
}

export function textAt(value: unknown, ...names: readonly string[]): string | undefined {
  return asText(memberAt(value, ...names))
}

export function listAt(value: unknown, ...names: readonly string[]): readonly unknown[] {
  return asList(memberAt(value, ...names))
}

export function objectAt(value: unknown, ...names: readonly string[]): JsonObject | undefined {
  return asObject(memberAt(value, ...names))
}

/** One reference token of a JSON Pointer (RFC 6901 §4). */
export function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
