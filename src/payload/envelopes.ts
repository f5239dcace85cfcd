/**
 * Envelopes inside statements (W1, statements.md §10): a Sigstore bundle, a DSSE envelope, or JSON
 * lines of them, as the payload of a COSE statement. They are opened to be described: what is inside,
 * and who it says signed it. Nothing is verified here, so a description names an inner identity
 * whether it is true or not; `policy/inner-signatures.ts` decides whether a log admits it.
 */
import { encodeHex } from '../bytes/hex.ts'
import { sha256 } from '../bytes/digest.ts'
import { DescriptionBuilder } from './description-builder.ts'
import type { Description } from './description.ts'
import { looksLikeDsse, readDsse } from './dsse.ts'
import type { DsseEnvelope } from './dsse.ts'
import { ENVELOPE_BYTES_MAX, parseEnvelopeJson } from './envelope-text.ts'
import { splitJsonLines } from './json-lines.ts'
import { malformed } from './malformed.ts'
import { mediaTypeName } from './media-types.ts'
import { looksLikeBundle, readSigstoreBundle } from './sigstore-bundle.ts'
import { runUrl } from './source-names.ts'
import type { SigstoreBundle } from './sigstore-bundle.ts'

/** What a media type, or the content itself, says that a payload is. */
export type EnvelopeForm = 'bundle' | 'dsse' | 'lines'

/** One envelope of a payload. */
export type Envelope =
  | { readonly kind: 'bundle'; readonly bytes: Uint8Array; readonly bundle: SigstoreBundle }
  | { readonly kind: 'dsse'; readonly bytes: Uint8Array; readonly dsse: DsseEnvelope }

/** An envelope as it is described. */
export interface OpenedEnvelope extends Omit<Description, 'kind' | 'type'> {
  readonly kind: EnvelopeForm
  /** The signed payload inside, to be described like a direct one; absent when there is none, or several. */
  readonly statementBytes?: Uint8Array
  /** Its type, as DSSE states it: `application/vnd.in-toto+json`. */
  readonly statementType?: string
  /** JSON Pointer to it within the envelope. It is base64 there, so pointers into it end here. */
  readonly statementPointer?: string
}

/** Media type of in-toto's JSON lines: one envelope or bundle a line. */
export const JSON_LINES_MEDIA_TYPE = 'application/vnd.in-toto.bundle'

/** What a media type says that a payload is; `undefined` for everything but envelopes. */
export function envelopeForm(mediaType: string): EnvelopeForm | undefined {
  const name = mediaTypeName(mediaType)
  if (/^application\/vnd\.dev\.sigstore\.bundle(\.v\d+(\.\d+)*)?\+json$/.test(name)) return 'bundle'
  if (/^application\/vnd\.in-toto(\.[^/]+)?\+dsse$/.test(name)) return 'dsse'
  if (/^application\/vnd\.dsse(\.envelope)?(\.v\d+)?\+json$/.test(name)) return 'dsse'
  return name === JSON_LINES_MEDIA_TYPE ? 'lines' : undefined
}

/**
 * The envelopes of a payload; `undefined` for a payload that is none. The media type is a hint: JSON
 * that calls itself a bundle, or has DSSE's three members, is read as such under any JSON type.
 * @throws PayloadError for a payload that says it is an envelope and is not.
 */
export function readEnvelopes(
  mediaType: string,
  bytes: Uint8Array,
): { readonly form: EnvelopeForm; readonly envelopes: readonly Envelope[] } | undefined {
  const declared = envelopeForm(mediaType)
  if (declared === 'lines') {
    const envelopes = splitJsonLines(bytes).map(({ bytes: line, pointer }) =>
      readLine(line, pointer),
    )
    return { form: 'lines', envelopes }
  }
  if (declared === undefined && !mayBeJson(mediaType, bytes)) return undefined
  let value: unknown
  try {
    value = parseEnvelopeJson(bytes, declared === 'dsse' ? 'DSSE envelope' : 'Sigstore bundle')
  } catch (error) {
    if (declared === undefined) return undefined
    throw error
  }
  if (declared === 'bundle' || looksLikeBundle(value)) {
    const bundle = readSigstoreBundle(value)
    return { form: 'bundle', envelopes: [{ kind: 'bundle', bytes, bundle }] }
  }
  if (declared === 'dsse' || looksLikeDsse(value)) {
    return { form: 'dsse', envelopes: [{ kind: 'dsse', bytes, dsse: readDsse(value, '') }] }
  }
  return undefined
}

/**
 * Whether content of another declared type is worth parsing: a JSON type that a publisher might have
 * used for an envelope, and a name that every envelope or bundle has.
 */
function mayBeJson(mediaType: string, bytes: Uint8Array): boolean {
  const name = mediaTypeName(mediaType)
  if (name !== 'application/json' && name !== 'application/vnd.in-toto+json') return false
  if (bytes.length > ENVELOPE_BYTES_MAX) return false
  const text = new TextDecoder().decode(bytes)
  return ['"payloadType"', '"messageSignature"'].some((name) => text.includes(name))
}

function readLine(bytes: Uint8Array, pointer: string): Envelope {
  const value = parseEnvelopeJson(bytes, 'line')
  if (looksLikeBundle(value)) return { kind: 'bundle', bytes, bundle: readSigstoreBundle(value) }
  if (looksLikeDsse(value)) return { kind: 'dsse', bytes, dsse: readDsse(value, '') }
  return malformed(pointer, 'neither a Sigstore bundle nor a DSSE envelope')
}

/**
 * Opens a payload to describe it; `undefined` for a payload that is no envelope.
 * @throws PayloadError as {@link readEnvelopes}.
 */
export function openEnvelope(mediaType: string, bytes: Uint8Array): OpenedEnvelope | undefined {
  const read = readEnvelopes(mediaType, bytes)
  if (read === undefined) return undefined
  const out = new DescriptionBuilder()
  for (const envelope of read.envelopes) describeSigner(envelope, out)
  const [only, ...more] = read.envelopes
  const holds = only === undefined || more.length > 0 ? {} : contentOf(only)
  if (more.length > 0) {
    const message = `${read.envelopes.length} envelopes in one statement: what they say is not indexed`
    out.finding('several-envelopes', message)
  }
  const { digests, attributes, numbers, findings } = out.build('opaque', '')
  return { kind: read.form, ...holds, digests, attributes, numbers, findings }
}

function contentOf(
  envelope: Envelope,
): Pick<OpenedEnvelope, 'statementBytes' | 'statementType' | 'statementPointer'> {
  const dsse = dsseOf(envelope)
  if (dsse === undefined) return {}
  return {
    statementBytes: dsse.payload,
    statementType: dsse.payloadType,
    statementPointer: envelope.kind === 'bundle' ? '/dsseEnvelope/payload' : '/payload',
  }
}

/** The DSSE envelope that an envelope is or holds. */
export function dsseOf(envelope: Envelope): DsseEnvelope | undefined {
  if (envelope.kind === 'dsse') return envelope.dsse
  const { content } = envelope.bundle
  return content.kind === 'dsse' ? content.envelope : undefined
}

function describeSigner(envelope: Envelope, out: DescriptionBuilder): void {
  if (envelope.kind === 'bundle') describeBundle(envelope.bundle, out)
  else describeDsse(envelope.dsse, out)
}

function describeDsse({ signatures }: DsseEnvelope, out: DescriptionBuilder): void {
  for (const [at, { keyid, hasCertificate }] of signatures.entries()) {
    out.attribute('inner-key', keyid)
    if (!hasCertificate) continue
    const message = 'a certificate beside a DSSE signature proves no time, so it identifies nobody'
    out.finding('inline-certificate', message, `/signatures/${at}/cert`)
  }
}

function describeBundle(bundle: SigstoreBundle, out: DescriptionBuilder): void {
  const { signer, logEntries, content } = bundle
  if (signer.kind === 'public-key') out.attribute('inner-key', signer.hint)
  else {
    const { subjects, issuer, repository, workflow, run, commit } = signer.identity
    for (const subject of subjects) out.attribute('inner-identity', subject)
    out.attribute('inner-issuer', issuer)
    out.attribute('inner-certificate', encodeHex(sha256(signer.der)))
    out.attribute('repository', repository).attribute('workflow', workflow)
    out.attribute('invocation-id', run).attribute('run-url', runUrl(run))
    if (commit !== undefined) out.digestSet('dependency', { gitCommit: commit })
  }
  for (const { logIndex, integratedTime, hasPromise } of logEntries) {
    out.attribute('rekor-log-index', String(logIndex))
    // Only the promise is a signature over the time.
    if (hasPromise) out.number('integrated-on', integratedTime)
  }
  if (content.kind === 'message') {
    out.digest('subject', content.algorithm, encodeHex(content.digest))
  }
}
