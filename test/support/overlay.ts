/** Replaces single methods of a port for a test; everything else goes to the original. */

/** An object that forwards to `original` until one of its methods is assigned. */
export function overlay<Port extends object>(original: Port): Port {
  const replaced = new Map<PropertyKey, unknown>()
  return new Proxy(original, {
    get(target, name) {
      if (replaced.has(name)) return replaced.get(name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set(_, name, value) {
      replaced.set(name, value)
      return true
    },
  })
}
