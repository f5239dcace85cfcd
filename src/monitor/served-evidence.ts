/**
 * Receipts, Transparent Statements and single heads that a log hands out, held against the tree that was just
 * recomputed (transparency-log.md N29: not the checkpoint alone): a Receipt by a pinned key, of this
 * log, for this entry at this index, over a root that the tree has; a statement that is the entry; a head that is
 * the one of its bundle.
 */
import { encodeHex } from '../bytes/hex.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { parseReceipt } from '../cose/receipt.ts'
import { verifyInclusionReceipt } from '../cose/verify-receipt.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { AuditFault } from './audit-fault.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import type { LogSource } from './log-source.ts'
import type { Block } from './scan-entries.ts'
import type { SignedHeads, VerifiedHead } from './signed-heads.ts'

/** Entries whose evidence is asked for at a time. */
const IN_FLIGHT = 16

interface EvidenceOptions {
  readonly source: LogSource
  readonly tree: AuthenticatedTree
  readonly heads: SignedHeads
  readonly issuer: string
  readonly origin: string
  readonly verifier: SignatureVerifier
  readonly sha256: Sha256
}

/** Which entries, and who is told of how many when they are checked. */
interface SampleOptions extends EvidenceOptions {
  readonly isSampled: (leafIndex: number) => boolean
  readonly onChecked: (entries: number) => void
}

/**
 * Checks what is served for the entries of a block that are sampled, and the first head that covers each.
 * @throws AuditFault `evidence`.
 */
export async function checkServedSample(
  { start, entries, heads }: Pick<Block, 'start' | 'entries' | 'heads'>,
  options: SampleOptions,
): Promise<void> {
  const sample = entries
    .map((entry, offset) => ({ leafIndex: start + offset, entry }))
    .filter(({ leafIndex }) => options.isSampled(leafIndex))
  let checked = 0
  const check = async (one: (typeof sample)[number]): Promise<void> => {
    const head = heads.find(({ treeSize }) => treeSize > one.leafIndex)
    const isNext = head !== undefined && head.treeSize > checked
    if (isNext) checked = head.treeSize
    await checkServedEvidence(one, options)
    if (isNext) await checkServedHead(head, one.leafIndex, options)
  }
  for (let at = 0; at < sample.length; at += IN_FLIGHT) {
    const some = sample.slice(at, at + IN_FLIGHT)
    await Promise.all(some.map(check))
    options.onChecked(some.length)
  }
}

/** The Receipt and the Transparent Statement of an entry. */
async function checkServedEvidence(
  { leafIndex, entry }: { readonly leafIndex: number; readonly entry: Uint8Array },
  options: EvidenceOptions,
): Promise<void> {
  const { source, tree, sha256 } = options
  const entryId = encodeHex(sha256(entry))
  const place = { leafIndex, entryId }
  const [receipt, statement] = await Promise.all([
    source.receipt(entryId, tree.head.treeSize),
    source.statement(entryId),
  ])
  const missing = receipt === undefined ? 'Receipt' : 'Transparent Statement'
  if (receipt === undefined || statement === undefined) {
    throw new AuditFault('evidence', `no ${missing} is served for entry ${leafIndex}`, place)
  }
  try {
    await checkReceipt(receipt, { leafIndex, entry }, options)
    const parsed = parseSignedStatement(statement, { sha256 })
    if (!equalBytes(parsed.entry, entry)) {
      throw new VerificationError('ERR_RECEIPT_PROOF', 'the served statement is another one')
    }
    for (const attached of parsed.receipts) {
      await checkReceipt(attached, { leafIndex, entry }, options)
    }
  } catch (cause) {
    if (!(cause instanceof InputError || cause instanceof VerificationError)) throw cause
    const message = `what is served for entry ${leafIndex}: ${cause.message}`
    throw new AuditFault('evidence', message, place, { cause })
  }
}

/** The head that is served under its own size, against that of its bundle. */
async function checkServedHead(
  { treeSize, rootHash, registrationTime }: VerifiedHead,
  leafIndex: number,
  { source, heads }: EvidenceOptions,
): Promise<void> {
  const bytes = await source.head(treeSize)
  const served = bytes === undefined ? undefined : await heads.verify(bytes)
  const isSame = served?.treeSize === treeSize && equalBytes(served.rootHash, rootHash)
  if (isSame && served.registrationTime === registrationTime) return
  const what = served === undefined ? 'is not served' : 'is another one than in its bundle'
  const place = { leafIndex, treeSize }
  throw new AuditFault(
    'evidence',
    `heads/${treeSize}, the signed head of that size, ${what}`,
    place,
  )
}

async function checkReceipt(
  bytes: Uint8Array,
  { leafIndex, entry }: { readonly leafIndex: number; readonly entry: Uint8Array },
  { tree, heads, issuer, origin, verifier }: EvidenceOptions,
): Promise<void> {
  const receipt = parseReceipt(bytes)
  const key = receipt.keyId === undefined ? undefined : heads.findKey(receipt.keyId)
  if (key === undefined) {
    throw new VerificationError('ERR_RECEIPT_LOG_UNKNOWN', 'the Receipt names no pinned key')
  }
  if (receipt.claims.issuer !== issuer || receipt.claims.subject !== origin) {
    throw new VerificationError('ERR_RECEIPT_CLAIMS', 'the Receipt is of another log')
  }
  const proven = await verifyInclusionReceipt({
    ...{ receipt, entry, key, verifier },
    leafRule: 'entry',
    requireTreeSizeClaim: true,
  })
  if (BigInt(proven.leafIndex) !== BigInt(leafIndex)) {
    throw new VerificationError('ERR_RECEIPT_PROOF', `the Receipt is for index ${proven.leafIndex}`)
  }
  // A log that has grown since may answer with a later head; this tree ends before it.
  if (proven.treeSize > tree.head.treeSize) return
  if (!equalBytes(await tree.rootAt(Number(proven.treeSize)), proven.rootHash)) {
    throw new VerificationError(
      'ERR_ROOT_MISMATCH',
      'the Receipt is over a root that the tree never had',
    )
  }
}
