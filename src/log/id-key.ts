/** Entry ids as keys of maps and sets, which compare arrays by identity. */

/**
 * A key for 32 bytes: one UTF-16 unit a byte, ordered as the bytes are. Applied, not spread: an
 * iterator costs more.
 */
export function idKey(entryId: Uint8Array): string {
  return String.fromCharCode.apply(null, entryId as unknown as number[])
}
