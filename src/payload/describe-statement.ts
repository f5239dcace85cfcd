/**
 * What a statement says, in the vocabulary of description.ts: a pure function of its bytes and, for a
 * hash envelope, of the preimage. Never throws for content; what is broken is opaque with a finding.
 */
import { encodeHex } from '../bytes/hex.ts'
import { sha256 as portableSha256 } from '../bytes/digest.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { publicKeyFromSpki } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, PayloadError } from '../errors.ts'
import { DIGEST_LABELS } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { Description, StatementKind } from './description.ts'
import { DescriptionBuilder } from './description-builder.ts'
import type { InTotoStatement } from './in-toto.ts'
import { findMediaHandler } from './media-handlers.ts'
import type { MediaType } from './media-types.ts'
import { payloadMediaType } from './payload-content.ts'
import { readPayload } from './read-payload.ts'
import type { ReadPayload } from './read-payload.ts'
import { isInTotoMediaType } from './registration-facts.ts'

/**
 * Describes a statement.
 * @param request.preimage content of a hash envelope; the caller has held it against the digest.
 */
export function describeStatement(request: {
  readonly statement: SignedStatement
  readonly preimage?: Uint8Array | undefined
  /** A native implementation where speed counts. */
  readonly sha256?: Sha256 | undefined
}): Description {
  const { statement } = request
  const { headers, message } = statement
  const mediaType = payloadMediaType(statement)
  const out = new DescriptionBuilder().purl(headers.subject)
  if (headers.hashEnvelope !== undefined && message.payload !== null) {
    const { algorithm } = headers.hashEnvelope
    out.digest('evidence', DIGEST_LABELS[algorithm], encodeHex(message.payload))
  }
  try {
    const { kind, type } = describe(readPayload(request), mediaType, out)
    if (kind === 'provenance') describeSigned(request, out)
    return out.build(kind, type)
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error
    out.finding('malformed', error.message, error.pointer)
    return out.build('opaque', mediaType.name)
  }
}

/** What evidence of the environment can be bound to: the signed bytes, and the key of a certificate. */
function describeSigned(
  { statement, preimage, sha256 = portableSha256 }: Parameters<typeof describeStatement>[0],
  out: DescriptionBuilder,
): void {
  const { headers, message } = statement
  const signed = headers.hashEnvelope === undefined ? message.payload : preimage
  if (signed !== null && signed !== undefined) {
    out.attribute('payload-sha256', encodeHex(sha256(signed)))
  }
  const [leaf] = headers.x5chain ?? []
  if (leaf === undefined) return
  try {
    const key = publicKeyFromSpki(parseCertificate(leaf).spki.spki)
    out.attribute('signer-key', encodeHex(keyThumbprint(key)))
  } catch (error) {
    // Somebody else's key may be of a kind that has no thumbprint here: it is bound to nothing.
    if (!(error instanceof InputError)) throw error
  }
}

interface Named {
  readonly kind: StatementKind
  readonly type: string
}

function describe(read: ReadPayload, mediaType: MediaType, out: DescriptionBuilder): Named {
  const named = (kind: StatementKind): Named => ({ kind, type: mediaType.name })
  switch (read.form) {
    case 'governance':
      return named(read.kind)
    case 'unread':
      out.finding(read.why, UNREAD[read.why])
      return named(unreadKind(mediaType))
    case 'opaque':
      return named('opaque')
    case 'bytes': {
      const { handler, input } = read
      handler.describe(input, out)
      return named(handler.kindOf?.(input) ?? handler.kind)
    }
    case 'envelope': {
      const { envelope, inner, innerType } = read
      out.add(envelope)
      return inner === undefined || innerType === undefined
        ? named('opaque')
        : describe(inner, innerType, out)
    }
    case 'in-toto':
      return describeInToto(read, out)
    case 'json':
      return describeJson(read, out)
  }
}

const UNREAD = {
  'preimage-absent': 'only a digest of the content is here',
  'preimage-too-large': 'the content is larger than what is read',
} as const

/** A media type that stands for one kind tells it unread. */
function unreadKind(mediaType: MediaType): StatementKind {
  const handler = findMediaHandler(mediaType)
  const kind = handler?.json?.handler.kind ?? handler?.bytes?.kind
  return kind ?? (isInTotoMediaType(mediaType.name) ? 'in-toto' : 'opaque')
}

function describeInToto(
  { inToto, alias }: Extract<ReadPayload, { form: 'in-toto' }>,
  out: DescriptionBuilder,
): Named {
  describeSubjects(inToto, out)
  if (alias?.aliasOf !== undefined) {
    const message = `the predicate is not of the form of ${alias.aliasOf}, and is not read`
    out.finding('draft-not-read', message, '/predicateType')
  }
  return { kind: 'in-toto', type: inToto.predicateType }
}

function describeJson(
  { entry, input, inToto }: Extract<ReadPayload, { form: 'json' }>,
  out: DescriptionBuilder,
): Named {
  const { handler, aliasOf } = entry
  if (inToto !== undefined) describeSubjects(inToto, out)
  if (aliasOf !== undefined) {
    out.finding('predicate-type-alias', `read as ${aliasOf}`, '/predicateType')
  }
  handler.describe(input, out)
  return { kind: handler.kindOf?.(input) ?? handler.kind, type: input.type }
}

function describeSubjects({ subjects }: InTotoStatement, out: DescriptionBuilder): void {
  for (const { name, uri, digest } of subjects) {
    for (const [algorithm, value] of digest) out.digest('subject', algorithm, value)
    out.purl(name).purl(uri)
  }
}
