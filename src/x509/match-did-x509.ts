/**
 * Holds a did:x509 (did-x509.ts) against a certificate path. It only compares: the path must have been
 * validated, which is the other half of the method.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { digest } from '../bytes/digest.ts'
import { VerificationError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { LABELS } from './did-x509.ts'
import type { DidX509Predicate, DidX509 } from './did-x509.ts'

const LABELLED_OIDS: ReadonlySet<string> = new Set(LABELS.values())

function mismatch(message: string): VerificationError {
  return new VerificationError('ERR_DID_X509_MISMATCH', message)
}

/** The leaf's subject as the method maps it: labels where there are some, every key once. */
function mapSubject(leaf: Certificate): Map<string, string | undefined> {
  const subject = new Map<string, string | undefined>()
  for (const { oid, value } of leaf.subject.rdns.flat()) {
    if (subject.has(oid)) throw mismatch('did:x509 does not support repeated subject attributes')
    subject.set(oid, value)
  }
  return subject
}

function matches(predicate: DidX509Predicate, leaf: Certificate): boolean {
  switch (predicate.kind) {
    case 'subject': {
      const subject = mapSubject(leaf)
      return [...predicate.attributes].every(([key, value]) => {
        // An attribute that has a label goes by it alone; its identifier is then no key.
        const oid = LABELS.get(key) ?? (LABELLED_OIDS.has(key) ? undefined : key)
        return oid !== undefined && subject.get(oid) === value
      })
    }
    case 'san':
      return leaf.subjectAltNames.some(
        (name) => name.kind === predicate.type && name.value === predicate.value,
      )
    case 'eku':
      return leaf.extendedKeyUsage?.includes(predicate.oid) === true
    case 'fulcio-issuer':
      return leaf.fulcioIssuer === `https://${predicate.value}`
  }
}

/**
 * Holds a validated path (leaf first, two certificates at least) against an identifier.
 * @throws VerificationError `ERR_DID_X509_MISMATCH` when the fingerprint is of no CA in the path, when
 * a predicate does not hold, or when the leaf has names that the method cannot express.
 */
export function matchDidX509(did: DidX509, path: readonly Certificate[]): void {
  const [leaf, ...authorities] = path
  if (leaf === undefined || authorities.length === 0) {
    throw mismatch('did:x509 needs a chain of at least two certificates')
  }
  const { hash, value } = did.fingerprint
  if (!authorities.some(({ der }) => equalBytes(digest(hash, der), value))) {
    throw mismatch('the fingerprint of the did:x509 is of no CA certificate in the chain')
  }
  // As the reference resolver does: a name of another form has no place in the method's model.
  if (leaf.subjectAltNames.some(({ kind }) => kind === 'ip' || kind === 'other')) {
    throw mismatch('did:x509 does not support this form of subject alternative name')
  }
  mapSubject(leaf)
  for (const predicate of did.predicates) {
    if (!matches(predicate, leaf)) {
      throw mismatch(`the leaf certificate does not satisfy the ${predicate.kind} predicate`)
    }
  }
}
