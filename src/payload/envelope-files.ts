/**
 * Files in which publishers hand out bundles and envelopes: one of them alone, JSON lines
 * (`.intoto.jsonl`), and the answers of npm's and GitHub's attestation endpoints, which hold bundles
 * in a list. Each is cut out byte by byte as it is.
 */
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { InputError } from '../errors.ts'
import { looksLikeDsse } from './dsse.ts'
import { JSON_LINES_MEDIA_TYPE, readEnvelopes } from './envelopes.ts'
import type { Envelope } from './envelopes.ts'
import { listAt, objectAt } from './json-members.ts'
import { findMember, listItems } from './json-slice.ts'
import { malformed } from './malformed.ts'
import { looksLikeBundle } from './sigstore-bundle.ts'

const CONTEXT: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'file' }
const DSSE_MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json'

/** An envelope and the media type to register it under. */
export interface FoundEnvelope {
  readonly envelope: Envelope
  readonly mediaType: string
}

/**
 * The envelopes of a file, each with its own bytes.
 * @throws PayloadError for a file that is none of the forms, or holds something else.
 */
export function findEnvelopes(bytes: Uint8Array): readonly FoundEnvelope[] {
  const value = tryParse(bytes)
  if (value === undefined) return openLines(bytes)
  if (looksLikeBundle(value)) return open('application/vnd.dev.sigstore.bundle+json', bytes)
  if (looksLikeDsse(value)) return open(DSSE_MEDIA_TYPE, bytes)
  if (listAt(value, 'attestations').length > 0) return openList(bytes)
  if (objectAt(value, 'bundle') !== undefined) return openMember(decodeUtf8(bytes), 0)
  return malformed('', 'neither a Sigstore bundle nor a DSSE envelope, nor a list of them')
}

function tryParse(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes, CONTEXT)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    // A second line makes it no JSON document; what else is wrong, its lines will say.
    return undefined
  }
}

function openLines(bytes: Uint8Array): readonly FoundEnvelope[] {
  return (readEnvelopes(JSON_LINES_MEDIA_TYPE, bytes)?.envelopes ?? []).map(found)
}

function open(mediaType: string, bytes: Uint8Array): readonly FoundEnvelope[] {
  return (readEnvelopes(mediaType, trimmed(bytes))?.envelopes ?? []).map(found)
}

/** A file usually ends with a line feed, which is no part of what is in it. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && bytes[end - 1]! <= 0x20) end -= 1
  return bytes.subarray(0, end)
}

function openList(bytes: Uint8Array): readonly FoundEnvelope[] {
  const text = decodeUtf8(bytes)
  const list = findMember(text, 'attestations')
  if (list === undefined) return []
  return listItems(text, list.start).flatMap(({ start }) => openMember(text, start))
}

function openMember(text: string, start: number): readonly FoundEnvelope[] {
  const bundle = findMember(text, 'bundle', start)
  if (bundle === undefined) return malformed('/attestations', 'one of them has no bundle')
  const bytes = encodeUtf8(text.slice(bundle.start, bundle.end))
  return open('application/vnd.dev.sigstore.bundle+json', bytes)
}

function found(envelope: Envelope): FoundEnvelope {
  const mediaType = envelope.kind === 'bundle' ? envelope.bundle.mediaType : DSSE_MEDIA_TYPE
  return { envelope, mediaType }
}
