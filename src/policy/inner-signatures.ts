/**
 * The rule `inner-signature`: under a policy that names Sigstore roots, or demands DSSE keys, what a
 * statement wraps has to verify before it is admitted (ADR 0021). Times are those that a bundle
 * proves; a bare DSSE envelope proves none, so its keys count at the registration time.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { assertInvariant, InputError, VerificationError } from '../errors.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import { verifyDsse } from '../payload/verify-dsse.ts'
import type { DsseEnvelope } from '../payload/dsse.ts'
import { envelopeForm, readEnvelopes } from '../payload/envelopes.ts'
import type { Envelope, EnvelopeForm } from '../payload/envelopes.ts'
import { payloadContent, payloadMediaType } from '../payload/payload-content.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { ALWAYS, intersect, reject } from './decision.ts'
import type { RejectDecision, TimeSpan } from './decision.ts'
import { NO_INNER_ANCHORS } from './inner-anchors.ts'
import type { InnerAnchors, InnerKey } from './inner-anchors.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

export interface InnerSignatureRequest {
  readonly statement: SignedStatement
  /** Content of a hash envelope, when it is at hand. */
  readonly preimage?: Uint8Array | undefined
  readonly policy: RegistrationPolicy
  readonly inner?: InnerAnchors | undefined
  readonly registrationTime: UnixSeconds
  readonly verifier: SignatureVerifier
  readonly bundles?: BundleVerifier | undefined
}

/** A refusal, or the registration times at which there is none. */
export type InnerSignatureAnswer =
  RejectDecision | { readonly kind: 'passes'; readonly span: TimeSpan }

const PASSES: InnerSignatureAnswer = { kind: 'passes', span: ALWAYS }

/** Whether a policy asks for anything that a statement wraps. */
export function looksInside({ sigstoreRoots, dsse }: RegistrationPolicy): boolean {
  return sigstoreRoots !== undefined || dsse !== undefined
}

/**
 * Verifies what a statement wraps, as far as the policy asks.
 * @throws UnavailableError `ERR_QUEUE_FULL` when too many bundles wait.
 */
export async function decideInnerSignatures(
  request: InnerSignatureRequest,
): Promise<InnerSignatureAnswer> {
  if (!looksInside(request.policy)) return PASSES
  try {
    const envelopes = readWrapped(request)
    let span = ALWAYS
    for (const envelope of envelopes) {
      span = intersect(span, await verifyEnvelope(envelope, request))
    }
    return { kind: 'passes', span }
  } catch (error) {
    const isRefusal = error instanceof VerificationError || error instanceof InputError
    if (!isRefusal) throw error
    return reject('inner-signature', (error as Error).message)
  }
}

/** Whether the rule looked at a statement; what it looked at and was admitted did verify. */
export type InnerCheck = 'checked' | 'not-checked'

/**
 * Whether inner signatures of a statement were verified when it was admitted under `policy`: what
 * the index writes down beside an inner identity. Says nothing about statements that wrap nothing.
 */
export function innerCheck(
  policy: Pick<RegistrationPolicy, 'sigstoreRoots' | 'dsse'> | undefined,
  statement: SignedStatement,
  preimage?: Uint8Array,
): InnerCheck {
  // Content that came later was not there to be verified; only a declared envelope had to be.
  const isDeclared = envelopeForm(payloadMediaType(statement).name) !== undefined
  if (statement.headers.hashEnvelope !== undefined && !isDeclared) return 'not-checked'
  const forms = formsOf(statement, preimage)
  const isAsked = forms.every((form) => isVerified(form, policy))
  return forms.length > 0 && isAsked ? 'checked' : 'not-checked'
}

function formsOf(
  statement: SignedStatement,
  preimage: Uint8Array | undefined,
): readonly Envelope['kind'][] {
  try {
    const read = readEnvelopes(
      payloadMediaType(statement).name,
      payloadContent(statement, preimage) ?? NOTHING,
    )
    return (read?.envelopes ?? []).map(({ kind }) => kind)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return []
  }
}

const NOTHING = new Uint8Array()

function isVerified(
  kind: Envelope['kind'],
  policy: Pick<RegistrationPolicy, 'sigstoreRoots' | 'dsse'> | undefined,
): boolean {
  return kind === 'bundle' ? policy?.sigstoreRoots !== undefined : policy?.dsse === 'required'
}

/**
 * The envelopes that have to verify.
 * @throws InputError when a statement says that it wraps one and it cannot be read.
 */
function readWrapped(request: InnerSignatureRequest): readonly Envelope[] {
  const { statement, preimage, policy } = request
  const mediaType = payloadMediaType(statement).name
  const bytes = payloadContent(statement, preimage)
  if (bytes === undefined) {
    const form = envelopeForm(mediaType)
    if (form === undefined || !mayHaveToVerify(form, policy)) return []
    throw new VerificationError(
      'ERR_INNER_SIGNATURE',
      'only a digest of the envelope is here: its signature cannot be verified',
    )
  }
  const envelopes = readEnvelopes(mediaType, bytes)?.envelopes ?? []
  return envelopes.filter(({ kind }) => isVerified(kind, policy))
}

function mayHaveToVerify(form: EnvelopeForm, policy: RegistrationPolicy): boolean {
  return form === 'lines' || isVerified(form, policy)
}

async function verifyEnvelope(
  envelope: Envelope,
  request: InnerSignatureRequest,
): Promise<TimeSpan> {
  if (envelope.kind === 'dsse') return verifyDsseNow(envelope.dsse, request)
  await verifyBundle(envelope.bytes, request)
  return ALWAYS
}

/** A key counts at the registration time, and the decision stands as long as those that verified do. */
async function verifyDsseNow(
  envelope: DsseEnvelope,
  { inner = NO_INNER_ANCHORS, registrationTime, verifier }: InnerSignatureRequest,
): Promise<TimeSpan> {
  const keys = inner.dsseKeys.filter((key) => {
    const { from, until } = spanOf(key)
    return from <= registrationTime && registrationTime <= until
  })
  const verified = await verifyDsse(envelope, keys, verifier)
  return verified.map(({ key }) => spanOf(key)).reduce(intersect, ALWAYS)
}

function spanOf({ validFrom, validUntil }: InnerKey): TimeSpan {
  return { from: validFrom ?? ALWAYS.from, until: validUntil ?? ALWAYS.until }
}

/** The first root under which it verifies is enough; the last refusal is the reason. */
async function verifyBundle(
  bundle: Uint8Array,
  { policy, inner = NO_INNER_ANCHORS, bundles }: InnerSignatureRequest,
): Promise<void> {
  assertInvariant(bundles !== undefined, 'the policy asks for bundles and nobody verifies them')
  const named = policy.sigstoreRoots ?? []
  const roots = inner.sigstoreRoots.filter(({ digest }) => named.includes(digest))
  let refusal: unknown = new VerificationError(
    'ERR_INNER_SIGNATURE',
    'the trust anchors hold none of the Sigstore roots that the policy names',
  )
  const keys = inner.dsseKeys.map(({ key, ...rest }) => ({ spki: key.spki, ...rest }))
  for (const { trustedRoot } of roots) {
    try {
      await bundles.verify({ bundle, trustedRoot, keys })
      return
    } catch (error) {
      const isRefusal = error instanceof VerificationError || error instanceof InputError
      if (!isRefusal) throw error
      refusal = error
    }
  }
  throw refusal
}
