/** What both stores of payloads promise about names. */
import { expect } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { digest, sha256 } from '../../src/bytes/digest.ts'
import type { DigestName } from '../../src/bytes/digest.ts'
import type { NewPayload, PayloadStore } from '../../src/log/payload-store.ts'

/** A payload under its name of this algorithm. */
export function payload(text: string, algorithm: DigestName = 'SHA-256'): NewPayload {
  const bytes = encodeUtf8(text)
  const name = { algorithm, digest: digest(algorithm, bytes) }
  return { name, sha256: sha256(bytes), bytes, storedAt: 1 }
}

/** Content is found by its SHA-256 and by the names that it was stored under, in an empty store. */
export async function expectNames(payloads: PayloadStore): Promise<void> {
  const wide = payload('a', 'SHA-512')
  expect(await payloads.put(wide)).toBe('stored')
  const found = { kind: 'stored', bytes: wide.bytes }
  expect(await payloads.find(wide.name)).toEqual(found)
  expect(await payloads.find(payload('a').name)).toEqual(found)
  expect(await payloads.find(payload('a', 'SHA-384').name)).toBeUndefined()
  expect(await payloads.has(wide.name)).toBe(true)
  expect(await payloads.has(payload('a').name)).toBe(true)
  expect(await payloads.has(payload('a', 'SHA-384').name)).toBe(false)
  expect(await payloads.has(payload('b').name)).toBe(false)
  expect(await payloads.put(payload('a', 'SHA-384'))).toBe('present')
  expect(await payloads.find(payload('a', 'SHA-384').name)).toEqual(found)
  expect(await payloads.put(payload('a'))).toBe('present')
  expect(await payloads.put(payload(''))).toBe('stored')
  expect(await payloads.find(payload('').name)).toEqual({ kind: 'stored', bytes: new Uint8Array() })
}
