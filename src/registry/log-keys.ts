/**
 * What a C2SP client needs to follow this log: the verifier key of its checkpoints, all keys that
 * they were ever signed with, and a tlog-policy file with its keys and witnesses. Served for
 * convenience; whoever relies on a log gets its key by another way than from the log.
 */
import { encodeUtf8 } from '../bytes/bytes.ts'
import { verifierKeyOf } from '../note/note-signer.ts'
import { QUORUM_NONE } from '../note/tlog-policy.ts'
import { encodeTlogPolicy } from '../note/encode-tlog-policy.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { encodeVerifierKey } from '../note/verifier-key.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { assertInvariant } from '../errors.ts'

/** The keys of a log and where it is read. */
export interface LogKeysOptions {
  readonly origin: string
  /** Prefix of the read API. */
  readonly url: string
  /** Newest first. */
  readonly active: readonly VerifierKey[]
  readonly retired: readonly VerifierKey[]
  /** Its witnesses, when any are asked. */
  readonly witnessPolicy?: TlogPolicy | undefined
}

/** The three documents, made once. */
export interface LogKeys {
  /** The newest verifier key on one line. */
  readonly logKey: Uint8Array
  /** JSON: origin, active and retired verifier keys. */
  readonly list: Uint8Array
  readonly tlogPolicy: Uint8Array
}

/** @throws InputError `ERR_TRUST_CONFIGURATION` for names that other parsers would misread. */
export function encodeLogKeys(options: LogKeysOptions): LogKeys {
  const { origin, url, active, retired, witnessPolicy } = options
  const [newest] = active
  assertInvariant(newest !== undefined, 'a log has a checkpoint key')
  const list = {
    origin,
    active: active.map(encodeVerifierKey),
    retired: retired.map(encodeVerifierKey),
  }
  const tlogPolicy = encodeTlogPolicy({
    logs: active.map((key) => ({ key, url })),
    witnesses: witnessPolicy?.witnesses ?? [],
    groups: witnessPolicy?.groups ?? [],
    quorum: witnessPolicy?.quorum ?? QUORUM_NONE,
  })
  return {
    logKey: encodeUtf8(`${encodeVerifierKey(newest)}\n`),
    list: encodeUtf8(`${JSON.stringify(list)}\n`),
    tlogPolicy,
  }
}

/** Verifier keys of the signers. */
export function activeKeysOf(
  signers: readonly Parameters<typeof verifierKeyOf>[0][],
): VerifierKey[] {
  return signers.map((signer) => verifierKeyOf(signer, 'ed25519'))
}
