/**
 * What an agent asks its hardware to attest: 64 bytes of report data, made of the digests of
 * bindings.ts. A key or a payload fills the first half, and a checkpoint beside it the second:
 *
 *     key         SHA-256 of the key's required members ‖ SHA-256 of the note, or 32 zero bytes
 *     payload     SHA-256 of the payload ‖ SHA-256 of the note, or 32 zero bytes
 *     checkpoint  32 zero bytes ‖ SHA-256 of the note
 *     build       SHA-512 of [tag, build id, key, checkpoint]
 *
 * Fields that take any length (a TPM's extra data, Nitro's nonce) may hold one digest alone.
 */
import { concatBytes } from '../../bytes/bytes.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { buildBinding, checkpointBinding, keyBinding, payloadBinding } from './bindings.ts'
import type { BindingType } from './bindings.ts'

const ZEROS: Uint8Array = new Uint8Array(32)

/** What is to be bound; each type has what it needs. */
export type ReportDataRequest =
  | { readonly type: 'key'; readonly key: PublicKey; readonly note?: Uint8Array }
  | { readonly type: 'payload'; readonly payload: Uint8Array; readonly note?: Uint8Array }
  | { readonly type: 'checkpoint'; readonly note: Uint8Array }
  | {
      readonly type: Extract<BindingType, 'build'>
      readonly buildId: string
      readonly key: PublicKey
      readonly note: Uint8Array
    }

/** 64 bytes of report data. */
export function makeReportData(request: ReportDataRequest): Uint8Array {
  if (request.type === 'build') return buildBinding(request)
  const nonce = request.note === undefined ? ZEROS : checkpointBinding(request.note)
  return concatBytes(request.type === 'checkpoint' ? ZEROS : bindingDigest(request), nonce)
}

/** The digest alone, 32 bytes; 64 of a build. */
export function bindingDigest(request: ReportDataRequest): Uint8Array {
  switch (request.type) {
    case 'key':
      return keyBinding(request.key)
    case 'payload':
      return payloadBinding(request.payload)
    case 'checkpoint':
      return checkpointBinding(request.note)
    case 'build':
      return buildBinding(request)
  }
}
