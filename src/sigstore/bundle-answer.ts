/** What crosses the border between threads: an identity, or an error in a form that can be copied. */
import { InputError, VerificationError } from '../errors.ts'
import type { InnerIdentity } from '../payload/bundle-verifier.ts'
import type { BundleChecker, VerifyBundleRequest } from './verify-bundle.ts'

export type BundleAnswer =
  | { readonly kind: 'verified'; readonly identity: InnerIdentity }
  /** The bundle does not verify. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The trusted root cannot be used. */
  | { readonly kind: 'unusable'; readonly message: string }

export function answerRequest(checker: BundleChecker, request: VerifyBundleRequest): BundleAnswer {
  try {
    return { kind: 'verified', identity: checker.verify(request) }
  } catch (error) {
    const { message } = error as Error
    if (error instanceof VerificationError) return { kind: 'refused', message }
    if (error instanceof InputError) return { kind: 'unusable', message }
    throw error
  }
}

/** @throws VerificationError or InputError, as the other thread did. */
export function readAnswer(answer: BundleAnswer): InnerIdentity {
  switch (answer.kind) {
    case 'verified':
      return answer.identity
    case 'refused':
      throw new VerificationError('ERR_INNER_SIGNATURE', answer.message)
    case 'unusable':
      throw new InputError('ERR_TRUST_CONFIGURATION', answer.message)
  }
}
