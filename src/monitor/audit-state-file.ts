/** The file that an audit's state is kept in: JSON, read as strictly as what comes from others. */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { AttestryError, InputError } from '../errors.ts'
import type { AuditState } from './audit-state.ts'
import type { IndexPosition } from './compare-records.ts'
import type { RegisteredCollateral } from './evidence-references.ts'
import type { UnreplayedEntry } from './pruned-content.ts'
import type { RuleEntry } from './rules-history.ts'
import {
  parseHeadJson,
  parsePinJson,
  pinJson,
  readNumber,
  STATE,
  treeHeadJson,
} from './state-members.ts'

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
