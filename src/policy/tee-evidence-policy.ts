/**
 * The member `teeEvidence` of a Registration Policy: raw TEE evidence has to verify before it is
 * admitted, under which roots and keys, and what of that which verifies is not taken all the same.
 *
 *     "teeEvidence": {"check": "verified@1", "outOfDate": "refuse", "checkpointAgeMax": 86400,
 *       "roots": {"intel": ["sha256:…"]}, "endorsers": {"cca": ["<base64url COSE_Key>"]}}
 */
import { decodeBase64url, encodeBase64url } from '../bytes/base64.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import { PLATFORM_KEYS_TRIED_MAX } from '../payload/tee/evidence.ts'
import type { EvidenceLimits } from '../payload/tee/evidence-limits.ts'
import type { EvidencePins } from '../payload/tee/verified-evidence.ts'

/** Name of these checks; another set of rules gets another name, so that old decisions replay. */
export const EVIDENCE_CHECK = 'verified@1'

/** Vendors whose roots a policy may pin in place of their own. */
const ROOTS = ['intel', 'amd', 'aws', 'tpm'] as const
/** Platforms whose keys no root certifies. */
const ENDORSERS = ['cca', 'tpm'] as const
const LIST_MAX = PLATFORM_KEYS_TRIED_MAX
const AGE_MAX = 315_360_000

export interface TeeEvidencePolicy extends EvidenceLimits {
  readonly check: typeof EVIDENCE_CHECK
  /** SHA-256 of root certificates, lower-case hex; a vendor's own where it is absent. */
  readonly roots?: Pick<EvidencePins, (typeof ROOTS)[number]>
  /** Keys of platforms: CPAKs of Arm CCA, attestation keys of TPMs. */
  readonly endorsers?: Readonly<Partial<Record<(typeof ENDORSERS)[number], readonly PublicKey[]>>>
}

const CONTEXT: JsonContext = {
  code: 'ERR_TRUST_CONFIGURATION',
  what: 'teeEvidence of the registration policy',
}

function fail(message: string, options?: ErrorOptions): never {
  throw new InputError(CONTEXT.code, `${CONTEXT.what} ${message}`, options)
}

/** @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form. */
export function readTeeEvidencePolicy(value: unknown): TeeEvidencePolicy {
  const members = readMembers(
    value,
    {
      required: ['check'],
      optional: ['outOfDate', 'debug', 'checkpointAgeMax', 'roots', 'endorsers'],
    },
    CONTEXT,
  )
  // Another check might refuse what this one admits, or admit what it refuses.
  if (members['check'] !== EVIDENCE_CHECK) fail(`has a check that is not here; here it is ${EVIDENCE_CHECK}`) // prettier-ignore
  const { outOfDate, debug, checkpointAgeMax: age, roots, endorsers } = members
  return {
    check: EVIDENCE_CHECK,
    ...(outOfDate === undefined ? {} : { outOfDate: readChoice(outOfDate, 'outOfDate') }),
    ...(debug === undefined ? {} : { debug: readChoice(debug, 'debug') }),
    ...(age === undefined ? {} : { checkpointAgeMax: readAge(age) }),
    ...(roots === undefined ? {} : { roots: readLists(roots, ROOTS, readPin) }),
    ...(endorsers === undefined ? {} : { endorsers: readLists(endorsers, ENDORSERS, readKey) }),
  }
}

function readChoice(value: unknown, name: string): 'annotate' | 'refuse' {
  if (value === 'annotate' || value === 'refuse') return value
  return fail(`has a ${name} that is neither "annotate" nor "refuse"`)
}

function readAge(value: unknown): number {
  const isAge = typeof value === 'number' && Number.isInteger(value) && value >= 0
  return isAge && value <= AGE_MAX
    ? value
    : fail(`has a checkpointAgeMax that is not a number of seconds, 0 to ${AGE_MAX}`)
}

function readLists<Name extends string, Item>(
  value: unknown,
  names: readonly Name[],
  readItem: (item: unknown) => Item,
): Partial<Record<Name, readonly Item[]>> {
  const members = readMembers(value, { required: [], optional: names }, CONTEXT)
  return Object.fromEntries(
    Object.entries(members).map(([name, list]) => {
      const items = readList(list, { ...CONTEXT, what: `"${name}" in ${CONTEXT.what}` })
      if (items.length === 0 || items.length > LIST_MAX) fail(`has no list of 1 to ${LIST_MAX} under "${name}"`) // prettier-ignore
      return [name, items.map(readItem)]
    }),
  ) as unknown as Partial<Record<Name, readonly Item[]>>
}

function readPin(item: unknown): string {
  const isPin = typeof item === 'string' && /^sha256:[0-9a-f]{64}$/.test(item)
  return isPin ? item.slice('sha256:'.length) : fail('pins a root that is not sha256: and 64 digits of hex') // prettier-ignore
}

function readKey(item: unknown): PublicKey {
  const text = readText(item, CONTEXT)
  try {
    return parseCoseKey(decodeBase64url(text))
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    return fail('has something else than COSE_Keys among its endorsers', { cause })
  }
}

/** The member as JSON, in its one order. */
export function teeEvidencePolicyJson(policy: TeeEvidencePolicy): Record<string, unknown> {
  const { check, outOfDate, debug, checkpointAgeMax, roots, endorsers } = policy
  // JSON.stringify leaves out what is undefined.
  return {
    ...{ check, outOfDate, debug, checkpointAgeMax },
    roots: roots && listsJson(ROOTS, roots, (pin) => `sha256:${pin}`),
    endorsers:
      endorsers && listsJson(ENDORSERS, endorsers, (key) => encodeBase64url(encodeCoseKey(key))),
  }
}

function listsJson<Name extends string, Item>(
  names: readonly Name[],
  lists: Readonly<Partial<Record<Name, readonly Item[]>>>,
  encodeItem: (item: Item) => string,
): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, lists[name]?.map(encodeItem)]))
}

/** What the appraisal is given as pinned. */
export function evidencePins({ roots, endorsers }: TeeEvidencePolicy): EvidencePins {
  const { cca: ccaKeys, tpm: tpmKeys } = endorsers ?? {}
  return {
    ...roots,
    ...(ccaKeys === undefined ? {} : { ccaKeys }),
    ...(tpmKeys === undefined ? {} : { tpmKeys }),
  }
}
