/**
 * What an audit remembers: whose log it is, by which keys, the last head that it verified, and how far
 * it replayed with everything that the next entry is decided by. It is the auditor's own and has to be
 * kept: without it nobody notices a log that goes back.
 */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson, readList, readMembers, readText } from '../bytes/strict-json.ts'
import { encodeCoseKey, parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import { parseHash } from '../merkle/hasher.ts'
import type { RootHash, TreeHasher } from '../merkle/hasher.ts'
import { treeSize } from '../bytes/integers.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { encodeVerifierKey, parseVerifierKey } from '../note/verifier-key.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { NO_JOURNALS } from './journal-ledger.ts'
import type { JournalPosition } from './journal-ledger.ts'
import type { IndexPosition } from './compare-records.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import type { RuleEntry } from './rules-history.ts'

/** Keys and names that a log is known by. */
export interface LogPin {
  readonly origin: string
  readonly issuer: string
  readonly checkpointKeys: readonly VerifierKey[]
  readonly receiptKeys: readonly PublicKey[]
}

export interface AuditState {
  readonly pin: LogPin
  /** The last tree head that was verified completely; absent until the first audit is through. */
  readonly head?: TreeHead
  /** All entries before this size were replayed, in the tree that has this root there. */
  readonly replayed: TreeHead
  readonly rules: readonly RuleEntry[]
  readonly journal: JournalPosition
  /** First entry for which the policy in force named a registrar. */
  readonly journalSince?: number
  /** Entries whose content is not served any more; absent when there are none. */
  readonly unreplayed?: readonly UnreplayedEntry[]
  /** Entries that registered TEE collateral, which evidence may name; absent when there are none. */
  readonly registered?: readonly RegisteredCollateral[]
  /** How far the index was compared; absent where it never was. */
  readonly indexed?: IndexPosition
}

const STATE: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'audit state' }

/** What an audit knows before entry 0. */
export function firstState(hasher: TreeHasher): Omit<AuditState, 'pin'> {
  const replayed = { treeSize: treeSize(0), rootHash: hasher.emptyRoot }
  return { replayed, rules: [], journal: NO_JOURNALS }
}

/** The bytes of a state file. */
export function encodeAuditState(state: AuditState): Uint8Array {
  const { pin, head, replayed, rules, journal, journalSince } = state
  const file = {
    version: 1,
    log: pinJson(pin),
    head: head === undefined ? undefined : treeHeadJson(head),
    replayed: treeHeadJson(replayed),
    rules: rules.map((rule) => ({
      leafIndex: rule.leafIndex,
      registrationTime: rule.registrationTime,
      entry: encodeBase64(rule.entry),
      x5chain: rule.x5chain?.map(encodeBase64),
    })),
    journal: { next: journal.next, journals: journal.journals, since: journalSince },
    unreplayed: state.unreplayed,
    registered: state.registered,
    indexed: state.indexed,
  }
  return encodeUtf8(`${JSON.stringify(file, null, 2)}\n`)
}

/** A pin as JSON. */
export function pinJson(pin: LogPin): Record<string, unknown> {
  return {
    origin: pin.origin,
    issuer: pin.issuer,
    checkpointKeys: pin.checkpointKeys.map(encodeVerifierKey),
    receiptKeys: pin.receiptKeys.map((key) => encodeBase64(encodeCoseKey(key))),
  }
}

/** The bytes of a file that holds a pin alone. */
export function encodePin(pin: LogPin): Uint8Array {
  return encodeUtf8(`${JSON.stringify({ version: 1, log: pinJson(pin) }, null, 2)}\n`)
}

/** @throws InputError for anything that {@link encodePin} does not write. */
export function parsePin(bytes: Uint8Array): LogPin {
  const required = ['version', 'log']
  return parsePinJson(readMembers(parseStrictJson(bytes, STATE), { required }, STATE)['log'])
}

/** A tree head as JSON. */
export function treeHeadJson({ treeSize, rootHash }: TreeHead): Record<string, unknown> {
  return { treeSize, rootHash: encodeBase64(rootHash) }
}

/**
 * Parses a state file.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is of the form that is written.
 */
export function parseAuditState(bytes: Uint8Array): AuditState {
  const members = readMembers(
    parseStrictJson(bytes, STATE),
    {
      required: ['version', 'log', 'replayed', 'rules', 'journal'],
      optional: ['head', 'unreplayed', 'registered', 'indexed'],
    },
    STATE,
  )
  if (members['version'] !== 1) throw new InputError(STATE.code, 'audit state is not of version 1')
  const journal = readMembers(
    members['journal'],
    { required: ['next', 'journals'], optional: ['since'] },
    STATE,
  )
  const { head, unreplayed, registered, indexed } = members
  const { since } = journal
  try {
    return {
      pin: parsePinJson(members['log']),
      ...(head === undefined ? {} : { head: parseHeadJson(head) }),
      replayed: parseHeadJson(members['replayed']),
      rules: readList(members['rules'], STATE).map(parseRule),
      journal: {
        next: readNumber(journal['next']),
        journals: readList(journal['journals'], STATE).map(readNumber),
      },
      ...(since === undefined ? {} : { journalSince: readNumber(since) }),
      ...(unreplayed === undefined
        ? {}
        : { unreplayed: readList(unreplayed, STATE).map(parseUnreplayed) }),
      ...(registered === undefined
        ? {}
        : { registered: readList(registered, STATE).map(parseRegistered) }),
      ...(indexed === undefined ? {} : { indexed: parseIndexed(indexed) }),
    }
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    const { message } = cause as AttestryError
    throw new InputError(STATE.code, `audit state: ${message}`, { cause })
  }
}

/** @throws InputError for anything that {@link pinJson} does not write. */
export function parsePinJson(value: unknown): LogPin {
  const members = readMembers(
    value,
    { required: ['origin', 'issuer', 'checkpointKeys', 'receiptKeys'] },
    STATE,
  )
  const texts = (name: string): string[] =>
    readList(members[name], STATE).map((text) => readText(text, STATE))
  return {
    origin: readText(members['origin'], STATE),
    issuer: readText(members['issuer'], STATE),
    checkpointKeys: texts('checkpointKeys').map(parseVerifierKey),
    receiptKeys: texts('receiptKeys').map((text) => parseCoseKey(decodeBase64(text))),
  }
}

/** @throws InputError for anything that {@link treeHeadJson} does not write. */
export function parseHeadJson(value: unknown): TreeHead {
  const members = readMembers(value, { required: ['treeSize', 'rootHash'] }, STATE)
  const rootHash = parseHash(decodeBase64(readText(members['rootHash'], STATE)))
  return {
    treeSize: treeSize(readNumber(members['treeSize'])),
    rootHash: rootHash as unknown as RootHash,
  }
}

function parseRule(value: unknown): RuleEntry {
  const members = readMembers(
    value,
    { required: ['leafIndex', 'registrationTime', 'entry'], optional: ['x5chain'] },
    STATE,
  )
  const bytes = (text: unknown): Uint8Array => decodeBase64(readText(text, STATE))
  const chain = members['x5chain']
  return {
    leafIndex: readNumber(members['leafIndex']),
    registrationTime: readNumber(members['registrationTime']),
    entry: bytes(members['entry']),
    ...(chain === undefined ? {} : { x5chain: readList(chain, STATE).map(bytes) }),
  }
}

function parseIndexed(value: unknown): IndexPosition {
  const form = { required: ['treeSize'], optional: ['policyIndex'] }
  const { treeSize, policyIndex } = readMembers(value, form, STATE)
  return {
    treeSize: readNumber(treeSize),
    ...(policyIndex === undefined ? {} : { policyIndex: readNumber(policyIndex) }),
  }
}

function parseUnreplayed(value: unknown): UnreplayedEntry {
  const form = { required: ['leafIndex', 'digest'], optional: ['prunedBy'] }
  const { leafIndex, digest, prunedBy } = readMembers(value, form, STATE)
  return {
    leafIndex: readNumber(leafIndex),
    digest: readText(digest, STATE),
    ...(prunedBy === undefined ? {} : { prunedBy: readNumber(prunedBy) }),
  }
}

function parseRegistered(value: unknown): RegisteredCollateral {
  const form = { required: ['leafIndex', 'entryId'], optional: ['preimage'] }
  const { leafIndex, entryId, preimage } = readMembers(value, form, STATE)
  return {
    leafIndex: readNumber(leafIndex),
    entryId: readText(entryId, STATE),
    ...(preimage === undefined ? {} : { preimage: readText(preimage, STATE) }),
  }
}

/** @throws InputError unless it is an integer from 0 to 2^53-1. */
export function readNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new InputError(STATE.code, 'expected an integer from 0 to 2^53-1')
  }
  return value
}
