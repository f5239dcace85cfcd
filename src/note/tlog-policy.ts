/**
 * C2SP tlog-policy: the file that says which logs, which witnesses and which quorum of them make a
 * checkpoint good. Applying it is `witnessed-checkpoint.ts`. Leaves out keys other than Ed25519: a policy
 * with one is refused whole, because skipping the line could weaken its quorum.
 */
import { encodeHex } from '../bytes/hex.ts'
import { parseDecimal } from '../bytes/integers.ts'
import { InputError } from '../errors.ts'
import { decodeOctets } from './policy-octets.ts'
import { parseVerifierKey } from './verifier-key.ts'
import type { NoteKeyKind, VerifierKey } from './verifier-key.ts'

/** Largest policy file: several hundred logs and witnesses. */
export const TLOG_POLICY_BYTES_MAX = 262_144

/** The quorum that needs no witness. */
export const QUORUM_NONE = 'none'

/** A log whose checkpoints count; its key name is its origin. */
export interface PolicyLog {
  /** Of type 0x01. */
  readonly key: VerifierKey
  readonly url?: string
}

/** A witness, under a name that means nothing outside the file. */
export interface PolicyWitness {
  readonly name: string
  /** Of type 0x04. */
  readonly key: VerifierKey
  readonly url?: string
}

/** Stands for its members when at least `threshold` of them cosigned. */
export interface PolicyGroup {
  readonly name: string
  readonly threshold: number
  /** Names of witnesses and of earlier groups. */
  readonly members: readonly string[]
}

/**
 * A parsed policy. Names and URLs are opaque octets in the file: octets that are not UTF-8 appear here
 * as the lone surrogates U+DC80 to U+DCFF, so that different octets are different names.
 */
export interface TlogPolicy {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** Name of a witness or group, or {@link QUORUM_NONE}. */
  readonly quorum: string
}

/**
 * Parses a policy file.
 * @throws InputError `ERR_TRUST_CONFIGURATION` with the line's number.
 * @example
 * const policy = parseTlogPolicy(new TextEncoder().encode('quorum none\n'))
 */
export function parseTlogPolicy(bytes: Uint8Array): TlogPolicy {
  if (bytes.length > TLOG_POLICY_BYTES_MAX) {
    throw refused(`it is larger than ${TLOG_POLICY_BYTES_MAX} bytes`)
  }
  const octets = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  // A file that was cut off could name a shorter group and mean less.
  if (!octets.endsWith('\n')) throw refused('it does not end in a newline')
  const builder = new PolicyBuilder()
  octets
    .slice(0, -1)
    .split('\n')
    .forEach((line, at) => {
      try {
        readLine(line, builder)
      } catch (cause) {
        if (!(cause instanceof InputError)) throw cause
        throw refused(`line ${at + 1}: ${cause.message}`, cause)
      }
    })
  return builder.finish()
}

function readLine(line: string, builder: PolicyBuilder): void {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) throw refusedLine('a control character')
  const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== '')
  if (keyword === undefined || keyword.startsWith('#')) return
  const texts = items.map(decodeOctets)
  const [first = '', second = '', third] = texts
  const count = items.length
  if (keyword === 'log' && (count === 1 || count === 2)) {
    builder.addLog(first, count === 2 ? second : undefined)
  } else if (keyword === 'witness' && (count === 2 || count === 3)) {
    builder.addWitness(first, second, third)
  } else if (keyword === 'group' && count >= 3) {
    builder.addGroup(first, second, texts.slice(2))
  } else if (keyword === 'quorum' && count === 1) {
    builder.setQuorum(first)
  } else {
    throw refusedLine('neither a log, a witness, a group nor a quorum')
  }
}

/** Collects definitions in the order of the lines: a name has to be defined before it is used. */
class PolicyBuilder {
  readonly #logs: PolicyLog[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #groups: PolicyGroup[] = []
  readonly #names = new Set<string>()
  readonly #members = new Set<string>()
  readonly #publicKeys = new Set<string>()
  #quorum: string | undefined

  addLog(vkey: string, url?: string): void {
    const key = this.#newKey(vkey, 'ed25519')
    this.#logs.push({ key, ...(url === undefined ? {} : { url }) })
  }

  addWitness(name: string, vkey: string, url?: string): void {
    const key = this.#newKey(vkey, 'cosignature/v1')
    this.#define(name)
    this.#witnesses.push({ name, key, ...(url === undefined ? {} : { url }) })
  }

  addGroup(name: string, rule: string, members: readonly string[]): void {
    for (const member of members) {
      if (!this.#names.has(member)) throw refusedLine('a member that no earlier line defines')
      if (this.#members.has(member)) throw refusedLine('a member that is in a group already')
      this.#members.add(member)
    }
    this.#define(name)
    this.#groups.push({ name, threshold: readThreshold(rule, members.length), members })
  }

  setQuorum(name: string): void {
    if (this.#quorum !== undefined) throw refusedLine('a second quorum')
    if (name !== QUORUM_NONE && !this.#names.has(name)) {
      throw refusedLine('a quorum that no earlier line defines')
    }
    this.#quorum = name
  }

  finish(): TlogPolicy {
    if (this.#quorum === undefined) throw refused('it has no quorum line')
    const [logs, witnesses, groups] = [this.#logs, this.#witnesses, this.#groups]
    return { logs, witnesses, groups, quorum: this.#quorum }
  }

  #define(name: string): void {
    if (name === QUORUM_NONE) throw refusedLine(`the name ${QUORUM_NONE} is reserved`)
    if (this.#names.has(name)) throw refusedLine('a name that is defined already')
    this.#names.add(name)
  }

  #newKey(vkey: string, kind: NoteKeyKind): VerifierKey {
    const key = parseVerifierKey(vkey)
    if (key.kind !== kind) throw refusedLine(`a key that is not for ${kind} signatures`)
    const publicKey = encodeHex(key.publicKey)
    if (this.#publicKeys.has(publicKey)) throw refusedLine('a public key that another line has')
    this.#publicKeys.add(publicKey)
    return key
  }
}

function readThreshold(rule: string, members: number): number {
  if (rule === 'any') return 1
  if (rule === 'all') return members
  const threshold = parseDecimal(rule)
  if (threshold < 1 || threshold > members) {
    throw refusedLine(`a group of ${members} cannot have ${threshold} of its members cosign`)
  }
  return threshold
}

function refusedLine(message: string): InputError {
  return new InputError('ERR_TRUST_CONFIGURATION', message)
}

export function refused(message: string, cause?: unknown): InputError {
  const options = cause === undefined ? undefined : { cause }
  return new InputError('ERR_TRUST_CONFIGURATION', `tlog policy: ${message}`, options)
}
