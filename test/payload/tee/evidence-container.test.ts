/** The container of evidence: known members, one spelling, and bindings that name what they need. */
import { describe, expect, it } from 'vitest'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import {
  encodeTeeEvidence,
  parseTeeEvidence,
  TEE_EVIDENCE_BYTES_MAX,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import { findMediaHandler } from '../../../src/payload/media-handlers.ts'
import { parseMediaType } from '../../../src/payload/media-types.ts'
import { evidenceRefusal } from '../../support/evidence-reason.ts'

const one = Uint8Array.of(1)
const digest = new Uint8Array(32).fill(7)
const map = (members: Record<string, CborValue>): Uint8Array =>
  encodeCbor(new Map<CborValue, CborValue>(Object.entries(members)))
const least = { format: 'tdx-quote', evidence: one }
const bound = (
  binding: Record<string, CborValue>,
  more: Record<string, CborValue> = {},
): Uint8Array =>
  map({ ...least, ...more, binding: new Map<CborValue, CborValue>(Object.entries(binding)) })

describe('a container of evidence', () => {
  it.each<[string, TeeEvidence]>([
    ['evidence alone', { format: 'nitro-document', evidence: one }],
    [
      'everything',
      {
        format: 'tdx-quote',
        evidence: one,
        collateral: Uint8Array.of(0xa0),
        registered: [digest, digest],
        eventLog: one,
        checkpoint: one,
        binding: { type: 'build', buildId: 'run/1', key: one, place: 'report-data', offset: 0 },
      },
    ],
    [
      'a payload and a nonce',
      {
        format: 'snp-report',
        evidence: one,
        checkpoint: one,
        binding: { type: 'payload', payload: digest },
      },
    ],
  ])('comes back as it was: %s', (_, container) => {
    const bytes = encodeTeeEvidence(container)
    expect(parseTeeEvidence(bytes)).toEqual(container)
    expect(encodeTeeEvidence(parseTeeEvidence(bytes))).toEqual(bytes)
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a list', encodeCbor([])],
    ['no evidence', map({ format: 'tdx-quote' })],
    ['empty evidence', map({ ...least, evidence: new Uint8Array(0) })],
    ['no format', map({ evidence: one })],
    ['another format', map({ ...least, format: 'tdx-quote-9' })],
    ['a name that every object has', map({ ...least, constructor: one })],
    ['an unknown member', map({ ...least, nonce: one })],
    ['a member under a number', encodeCbor(new Map<CborValue, CborValue>([[1, one]]))],
    ['text for collateral', map({ ...least, collateral: 'x' })],
    ['no entries', map({ ...least, registered: [] })],
    ['nine entries', map({ ...least, registered: Array.from({ length: 9 }, () => digest) })],
    ['a short entry id', map({ ...least, registered: [one] })],
    ['a checkpoint for nothing', map({ ...least, checkpoint: one })],
    ['bytes behind it', Uint8Array.of(...map(least), 0)],
    ['too many bytes', new Uint8Array(TEE_EVIDENCE_BYTES_MAX + 1)],
    ['a binding without a type', bound({})],
    ['a binding of another type', bound({ type: 'tls' })],
    ['a payload binding of no payload', bound({ type: 'payload' })],
    ['a short digest', bound({ type: 'payload', payload: one })],
    ['a payload in a key binding', bound({ type: 'key', payload: digest })],
    ['a build without an id', bound({ type: 'build' }, { checkpoint: one })],
    ['a build without a checkpoint', bound({ type: 'build', 'build-id': 'x' })],
    ['a checkpoint binding without one', bound({ type: 'checkpoint' })],
    ['another place', bound({ type: 'key', place: 'user-data' })],
    ['a place before the field', bound({ type: 'key', offset: -1 })],
    ['a place far behind it', bound({ type: 'key', offset: 1024 })],
    ['an empty key', bound({ type: 'key', key: new Uint8Array(0) })],
  ])('is refused with %s', (_, bytes) => {
    expect(evidenceRefusal(() => parseTeeEvidence(bytes))).toBe('malformed')
  })

  it('is refused in another order of its members', () => {
    const bytes = encodeTeeEvidence({ format: 'tdx-quote', evidence: one })
    // {"format": …, "evidence": h'01'}: both pairs exchanged.
    const [first, second] = [bytes.slice(1, 18), bytes.slice(18)]
    expect(() => parseTeeEvidence(Uint8Array.of(bytes[0]!, ...second, ...first))).toThrow(
      'deterministic',
    )
  })

  it('has a handler under its media type', () => {
    expect(findMediaHandler(parseMediaType(TEE_EVIDENCE_MEDIA_TYPE))?.bytes?.kind).toBe(
      'tee-evidence',
    )
  })
})
