/**
 * What an imported envelope is about, as the subject of the statement around it: the package URL of the
 * first subject inside, or its digest as a URI, so that a look-up by header alone finds it.
 */
import { encodeBase64url } from '../../bytes/base64.ts'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { InputError } from '../../errors.ts'
import { dsseOf } from '../../payload/envelopes.ts'
import type { Envelope } from '../../payload/envelopes.ts'
import { parseInTotoStatement } from '../../payload/in-toto.ts'
import type { InTotoSubject } from '../../payload/in-toto.ts'
import { CliError } from '../cli-error.ts'

/** Subjects of the in-toto Statement inside; none when there is another thing inside. */
export function subjectsOf(envelope: Envelope): readonly InTotoSubject[] {
  const dsse = dsseOf(envelope)
  if (dsse === undefined) return []
  try {
    return parseInTotoStatement(dsse.payload).subjects
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return []
  }
}

/** @throws CliError `ERR_USAGE` when nothing in it can be named. */
export function subjectOf(envelope: Envelope, source: string): string {
  const subjects = subjectsOf(envelope)
  const named = subjects.flatMap(({ name, uri }) => [name, uri])
  const purl = named.find((text) => text !== undefined && /^pkg:/i.test(text))
  const subject = purl ?? digestUri(subjects[0]?.digest) ?? messageUri(envelope)
  if (subject !== undefined) return subject
  throw new CliError('ERR_USAGE', `${source} does not say what it is about`, {
    hint: 'name it: --subject SUB',
  })
}

/** RFC 6920 for hashes; commits as gitoid (IANA's provisional scheme) write them. */
function digestUri(digest: ReadonlyMap<string, string> | undefined): string | undefined {
  for (const [algorithm, name] of HASHES) {
    const value = digest?.get(algorithm)
    if (value !== undefined) return `ni:///${name};${encodeBase64url(decodeHex(value))}`
  }
  const commit = digest?.get('gitCommit')
  return commit && `gitoid:commit:${commit.length === 64 ? 'sha256' : 'sha1'}:${commit}`
}

const HASHES = [
  ['sha256', 'sha-256'],
  ['sha384', 'sha-384'],
  ['sha512', 'sha-512'],
] as const

function messageUri(envelope: Envelope): string | undefined {
  if (envelope.kind !== 'bundle' || envelope.bundle.content.kind !== 'message') return undefined
  const { algorithm, digest } = envelope.bundle.content
  return digestUri(new Map([[algorithm, encodeHex(digest)]]))
}
