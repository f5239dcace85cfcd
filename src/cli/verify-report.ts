/** What `attestry verify` says of an outcome, for people and for programs. */
import { encodeHex } from '../bytes/hex.ts'
import type { ReceiptResult, VerificationOutcome, VerifiedStatement } from '../verify/index.ts'
import { errorJson } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { hintFor } from './hints.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import type { Line } from './terminal.ts'
import { anchorName } from './trust-text.ts'

/** The outcome for people, for programs, and as exit status. */
export function reportOutcome(name: string, outcome: VerificationOutcome): Report {
  if (outcome.kind === 'verified') return reportVerified(name, outcome.statement)
  const { error, receipts } = outcome
  const [exitCode, word] = VERDICTS[outcome.kind]
  const missing = outcome.kind === 'cannot-tell' ? { missing: outcome.missing } : {}
  const holds =
    outcome.kind === 'cannot-tell' && outcome.missing === 'issuer-anchor'
      ? 'the Receipt holds, the issuer was not checked: '
      : ''
  const hint = hintFor(error)
  return {
    exitCode,
    json: {
      outcome: outcome.kind,
      ...missing,
      error: errorJson(error),
      receipts: receipts.map(receiptJson),
    },
    lines: [
      {
        text: `${name}: ${word}: ${holds}${error.message} (${error.code})`,
        tone: exitCode === 1 ? 'bad' : 'warn',
      },
      ...fields(receipts.map(receiptRow)),
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ],
  }
}

const VERDICTS = {
  'not-verified': [EXIT.failed, 'DOES NOT VERIFY'],
  refused: [EXIT.refused, 'REFUSED'],
  'cannot-tell': [EXIT.cannotTell, 'CANNOT TELL'],
} as const

const PAYLOADS = {
  attached: 'inside the statement, covered by the signature',
  matched: 'matches the given file',
  withheld: 'content-withheld: only its digest was signed; give --payload FILE to compare it',
} as const

function reportVerified(name: string, statement: VerifiedStatement): Report {
  const { issuer, subject, registrationTime, authenticatedIssuer, receipts } = statement
  const verdict: Line =
    issuer === undefined
      ? { text: `${name}: RECEIPT HOLDS, issuer not checked`, tone: 'warn' }
      : { text: `${name}: VERIFIED`, tone: 'good' }
  const anchor =
    authenticatedIssuer === undefined ? '' : ` (${anchorName(authenticatedIssuer.anchor)})`
  return {
    json: verifiedJson(statement),
    lines: [
      verdict,
      ...fields([
        [
          'issuer',
          issuer === undefined ? 'not checked: no anchor in the trust file' : issuer + anchor,
        ],
        ['subject', issuer === undefined ? undefined : subject],
        // Without an issuer no signature covers it.
        ['payload', issuer === undefined ? undefined : PAYLOADS[statement.payload]],
        ['log', statement.log.issuer],
        ['position', position(statement)],
        ['registered', registrationTime === undefined ? undefined : formatTime(registrationTime)],
        ['entry id', statement.entryId],
        ...receipts.map(receiptRow),
        ...statement.nonConformances.map((text) => ['note', text] as const),
      ]),
    ],
  }
}

function position(statement: VerifiedStatement): string | undefined {
  const { leafIndex, treeSize } = statement
  if (leafIndex === undefined || treeSize === undefined) return undefined
  const hint = statement.positionAuthenticated ? '' : ' (as the Receipt says; not signed)'
  return `index ${formatNumber(leafIndex)} in a tree of ${formatNumber(treeSize)}${hint}`
}

function receiptRow(receipt: ReceiptResult): readonly [string, string] {
  const name = `receipt ${receipt.index + 1}`
  if (receipt.status !== 'verified') return [name, `${receipt.status}: ${receipt.reason}`]
  const again = receipt.duplicateOf === undefined ? '' : `, same log as ${receipt.duplicateOf + 1}`
  return [name, `holds, by ${receipt.log.issuer}${again}`]
}

function receiptJson(receipt: ReceiptResult): Record<string, unknown> {
  const { index, status } = receipt
  if (receipt.status !== 'verified')
    return { index, status, code: receipt.code, reason: receipt.reason }
  return {
    index,
    status,
    log: receipt.log.issuer,
    vds: receipt.vds,
    rootHash: encodeHex(receipt.rootHash),
    treeSize: receipt.treeSize ?? null,
    leafIndex: receipt.leafIndex ?? null,
    positionAuthenticated: receipt.positionAuthenticated,
    issuedAt: receipt.issuedAt ?? null,
    duplicateOf: receipt.duplicateOf ?? null,
    nonConformances: receipt.nonConformances,
  }
}

function verifiedJson(statement: VerifiedStatement): Record<string, unknown> {
  const { issuer, authenticatedIssuer } = statement
  return {
    outcome: 'verified',
    issuerChecked: issuer !== undefined,
    issuer: issuer ?? null,
    anchor: authenticatedIssuer === undefined ? null : anchorName(authenticatedIssuer.anchor),
    // Without an authenticated issuer the statement's claims are nobody's.
    subject: issuer === undefined ? null : (statement.subject ?? null),
    entryId: statement.entryId,
    payload: statement.payload,
    // R9: said, so that nobody takes a digest for content.
    contentWithheld: statement.payload === 'withheld',
    log: statement.log.issuer,
    registrationTime: statement.registrationTime ?? null,
    treeSize: statement.treeSize ?? null,
    leafIndex: statement.leafIndex ?? null,
    positionAuthenticated: statement.positionAuthenticated,
    receipts: statement.receipts.map(receiptJson),
    nonConformances: statement.nonConformances,
  }
}
