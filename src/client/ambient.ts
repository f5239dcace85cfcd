/** Waiting and chance, as clients take them from their surroundings unless a caller injects others. */

/** Waits by a timer. */
export async function waitWithTimer(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Uniform in [0, 1). */
export function uniformRandom(): number {
  const [word] = globalThis.crypto.getRandomValues(new Uint32Array(1))
  return word! / 2 ** 32
}
