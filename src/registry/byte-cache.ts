/** A cache bounded by the bytes that it holds; what was used longest ago goes first. */

export class ByteCache<Value> {
  readonly #bytesMax: number
  readonly #sizeOf: (value: Value) => number
  /** In order of last use. */
  readonly #values = new Map<string, Value>()
  #bytes = 0

  constructor(bytesMax: number, sizeOf: (value: Value) => number) {
    this.#bytesMax = bytesMax
    this.#sizeOf = sizeOf
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** Keeps a value; one that is larger than the cache is not kept. */
  set(key: string, value: Value): void {
    this.#drop(key)
    if (this.#sizeOf(value) > this.#bytesMax) return
    this.#values.set(key, value)
    this.#bytes += this.#sizeOf(value)
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    const value = this.#values.get(key)
    if (value === undefined) return
    this.#values.delete(key)
    this.#bytes -= this.#sizeOf(value)
  }
}
