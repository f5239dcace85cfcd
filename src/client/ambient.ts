/** Network, waiting and chance, as clients take them from their surroundings unless a caller injects others. */
import type { Fetch } from './exchange.ts'

/** The platform's `fetch`, looked up at each call. */
export const ambientFetch: Fetch = (url, init) => globalThis.fetch(url, init)

/** Waits by a timer. */
export async function waitWithTimer(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Uniform in [0, 1). */
export function uniformRandom(): number {
  const [word] = globalThis.crypto.getRandomValues(new Uint32Array(1))
  return word! / 2 ** 32
}
