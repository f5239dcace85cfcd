/**
 * Name constraints (RFC 5280 §4.2.1.10) on DNS, e-mail, URI, IP and directory names. A constraint on
 * any other form refuses certificates that carry a name of that form, and a name that cannot be read
 * as its form asks (a URI without a host, say) does not satisfy a constraint on it. `minimum` other
 * than 0 and `maximum` are malformed, as RFC 5280 demands.
 */
import { InputError, VerificationError } from '../errors.ts'
import { readChildren, readDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { parseGeneralName } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { prefixBits, isWithin, isExcluded } from './name-subtrees.ts'
import { emailAddresses } from './name.ts'
import type { DistinguishedName } from './name.ts'

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** Comparisons one certificate may cost; names times constraints is what an attacker multiplies. */
const COMPARISONS_MAX = 20_000
const TAG_PERMITTED = 0xa0
const TAG_EXCLUDED = 0xa1

function parseSubtree(element: DerElement): GeneralName {
  const [base, ...range] = element.tag === TAG.sequence ? readChildren(element) : []
  if (base === undefined) throw new InputError('ERR_X509_MALFORMED', 'not a GeneralSubtree')
  if (range.length > 0) {
    throw new InputError(
      'ERR_X509_MALFORMED',
      'a subtree has no minimum and maximum in this profile',
    )
  }
  const name = parseGeneralName(base)
  if (name.kind === 'ip' && name.value.length !== 8 && name.value.length !== 32) {
    throw new InputError('ERR_X509_MALFORMED', 'an IP constraint has 8 or 32 bytes')
  }
  if (name.kind === 'ip') prefixBits(name.value.subarray(name.value.length / 2))
  return name
}

/**
 * Parses the value of a nameConstraints extension.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function parseNameConstraints(der: Uint8Array): NameConstraints {
  let permitted: GeneralName[] = []
  let excluded: GeneralName[] = []
  const lists = readChildren(readDer(der, TAG.sequence))
  if (lists.length === 0) throw new InputError('ERR_X509_MALFORMED', 'empty name constraints')
  let previous = 0
  for (const list of lists) {
    if ((list.tag !== TAG_PERMITTED && list.tag !== TAG_EXCLUDED) || list.tag <= previous) {
      throw new InputError('ERR_X509_MALFORMED', 'not name constraints')
    }
    previous = list.tag
    const subtrees = readChildren(list).map(parseSubtree)
    if (subtrees.length === 0) throw new InputError('ERR_X509_MALFORMED', 'empty list of subtrees')
    if (list.tag === TAG_PERMITTED) permitted = subtrees
    else excluded = subtrees
  }
  return { permitted, excluded }
}

function sameForm(a: GeneralName, b: GeneralName): boolean {
  if (a.kind === 'other' || b.kind === 'other') {
    return a.kind === 'other' && b.kind === 'other' && a.tag === b.tag
  }
  return a.kind === b.kind
}

function violation(message: string): VerificationError {
  return new VerificationError('ERR_X509_PATH', message)
}

function checkName(name: GeneralName, constraints: NameConstraints): void {
  const excluded = constraints.excluded.filter((base) => sameForm(name, base))
  const permitted = constraints.permitted.filter((base) => sameForm(name, base))
  if (name.kind === 'other' && excluded.length + permitted.length > 0) {
    throw violation('name constraint on a form of name that is not supported')
  }
  if (excluded.some((base) => isExcluded(name, base))) {
    throw violation(`${name.kind} name lies in an excluded subtree`)
  }
  if (permitted.length > 0 && !permitted.some((base) => isWithin(name, base))) {
    throw violation(`${name.kind} name lies outside the permitted subtrees`)
  }
}

/**
 * Checks the names of one certificate against the constraints of one CA above it.
 * @throws VerificationError `ERR_X509_PATH`
 */
export function checkNameConstraints(
  certificate: {
    readonly subject: DistinguishedName
    readonly subjectAltNames: readonly GeneralName[]
  },
  constraints: NameConstraints,
): void {
  const names: GeneralName[] = [...certificate.subjectAltNames]
  if (certificate.subject.rdns.length > 0) {
    names.push({ kind: 'directory', value: certificate.subject })
  }
  for (const value of emailAddresses(certificate.subject)) names.push({ kind: 'email', value })
  const subtrees = constraints.permitted.length + constraints.excluded.length
  if (names.length * subtrees > COMPARISONS_MAX) throw violation('too many names and constraints')
  for (const name of names) checkName(name, constraints)
}
