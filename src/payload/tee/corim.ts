/**
 * Reference integrity manifests, CoRIM (draft-ietf-rats-corim; statements.md §5.8), unsigned: the
 * statement around one is its signature. Read are reference values and attestation keys (the CPAKs of
 * Arm CCA) of its CoMIDs (comid.ts); triples of other kinds are counted and left alone.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { CborTag, decodeCbor } from '../../cbor/decode.ts'
import type { CborMap, CborValue } from '../../cbor/decode.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import { TAGS, malformed, asMap, asList, untagged, readComid } from './comid.ts'
import type { CorimEnvironment, CorimReferenceValue, Draft } from './comid.ts'

const TAG_CORIM = 501
const TAG_COMID = 506

/** A manifest, read. */
export interface Corim {
  readonly profile?: string
  readonly notBefore?: UnixSeconds
  readonly notAfter?: UnixSeconds
  readonly referenceValues: readonly CorimReferenceValue[]
  readonly attestationKeys: readonly {
    readonly environment: CorimEnvironment
    readonly key: PublicKey
  }[]
  /** Triples of kinds that are not read here. */
  readonly otherTriples: number
}

/**
 * Parses an unsigned manifest.
 * @throws EvidenceError `malformed`.
 */
export function parseCorim(bytes: Uint8Array): Corim {
  try {
    const tagged = decodeCbor(bytes, { tags: TAGS })
    if (!(tagged instanceof CborTag) || tagged.tag !== TAG_CORIM) throw malformed('no tag 501')
    return readCorim(asMap(tagged.value, 'the manifest'))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function readCorim(map: CborMap): Corim {
  const draft: Draft = { referenceValues: [], attestationKeys: [], otherTriples: 0 }
  for (const tag of asList(map.get(1), 'tags')) {
    if (!(tag instanceof CborTag) || !(tag.value instanceof Uint8Array)) throw malformed('a tag')
    if (tag.tag === TAG_COMID) readComid(tag.value, draft)
  }
  const profile = untagged(map.get(3))
  const validity = map.get(4)
  return {
    ...(typeof profile === 'string' ? { profile } : {}),
    ...(validity === undefined ? {} : readValidity(asMap(validity, 'the validity'))),
    ...draft,
  }
}

function readValidity(map: CborMap): Pick<Corim, 'notBefore' | 'notAfter'> {
  const notBefore = readTime(map.get(0))
  const notAfter = readTime(map.get(1))
  return {
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  }
}

function readTime(value: CborValue): UnixSeconds | undefined {
  const time = untagged(value)
  if (time === undefined) return undefined
  if (typeof time === 'string') return Math.floor(parseRfc3339(time, 'a time') / 1000)
  if (typeof time === 'number' && Number.isFinite(time)) return Math.floor(time)
  throw malformed('not a time')
}
