/**
 * Heads that somebody has of a log from elsewhere: Transparent Statements, signed heads, checkpoints. Two
 * of them that no append-only log can have are the proof that it showed people different histories
 * (RFC 9943 §5.1.3), so nothing counts that a pinned key did not sign.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { parseReceipt } from '../cose/receipt.ts'
import { parseSignedTreeHead, verifySignedTreeHead } from '../cose/signed-tree-head.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { verifyInclusionReceipt } from '../cose/verify-receipt.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { parseCheckpoint, treeHeadOf, verifyCheckpoint } from '../note/checkpoint.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { AuditFault } from './audit-fault.ts'
import type { AuthenticatedTree } from './authenticated-tree.ts'
import type { KnownLog } from './follow-tree.ts'

/** A head that a pinned key signed. */
export interface SeenHead extends Pick<TreeHead, 'rootHash'> {
  readonly treeSize: number | bigint
  /** What shows it, for messages. */
  readonly heldBy: string
}

interface SeenContext {
  readonly known: KnownLog
  readonly verifier: SignatureVerifier
}

/**
 * The heads of a log that a file shows; Receipts of other logs in it are passed over.
 * @throws InputError for what is none of the three.
 * @throws VerificationError `ERR_RECEIPT_*` or `ERR_NOTE_*` where no pinned key signed it, or it is of another log.
 */
export async function readSeenHeads(
  bytes: Uint8Array,
  heldBy: string,
  context: SeenContext,
): Promise<readonly SeenHead[]> {
  if (isNote(bytes)) return [{ ...(await readCheckpoint(bytes, context)), heldBy }]
  const head = tryParse(() => parseSignedTreeHead(bytes))
  if (head === undefined) return readReceipts(bytes, heldBy, context)
  const key = findKey(head.keyId, context)
  assertOrigin(head.origin, context)
  const { treeHead } = await verifySignedTreeHead({ head, key, verifier: context.verifier })
  return [{ ...treeHead, heldBy }]
}

/** A note ends with lines that begin with an em dash; CBOR of ours begins with tag 18. */
function isNote(bytes: Uint8Array): boolean {
  return bytes[0] !== TAG_18
}

const TAG_18 = 0xd2

async function readCheckpoint(
  bytes: Uint8Array,
  { known: { origin, checkpointKeys: keys }, verifier }: SeenContext,
): Promise<TreeHead> {
  const checkpoint = parseCheckpoint(bytes)
  await verifyCheckpoint({ checkpoint, origin, keys, verifier })
  return treeHeadOf(checkpoint)
}

async function readReceipts(
  bytes: Uint8Array,
  heldBy: string,
  context: SeenContext,
): Promise<readonly SeenHead[]> {
  const { entry, receipts } = parseSignedStatement(bytes)
  const found: SeenHead[] = []
  for (const [at, encoded] of receipts.entries()) {
    const receipt = parseReceipt(encoded)
    if (receipt.claims.subject !== context.known.origin) continue
    const proven = await verifyInclusionReceipt({
      ...{ receipt, entry, key: findKey(receipt.keyId, context), verifier: context.verifier },
      leafRule: 'entry',
      requireTreeSizeClaim: true,
    })
    const { treeSize, rootHash } = proven
    found.push({ treeSize, rootHash, heldBy: `${heldBy}, receipt ${at + 1},` })
  }
  if (found.length > 0) return found
  const message = `it has no Receipt of ${context.known.origin}`
  throw new VerificationError('ERR_RECEIPT_LOG_UNKNOWN', message)
}

function findKey(
  keyId: Uint8Array | undefined,
  { known: { receiptKeys, origin } }: SeenContext,
): PublicKey {
  const isNamed = (key: PublicKey): boolean =>
    keyId !== undefined && equalBytes(key.kid ?? keyThumbprint(key), keyId)
  const key = receiptKeys.find(isNamed)
  if (key !== undefined) return key
  const message = `no key that is pinned for ${origin} signed it`
  throw new VerificationError('ERR_RECEIPT_LOG_UNKNOWN', message)
}

function assertOrigin(origin: string, { known }: SeenContext): void {
  if (origin === known.origin) return
  throw new VerificationError('ERR_RECEIPT_CLAIMS', `it is a head of ${origin}`)
}

function tryParse<Value>(parse: () => Value): Value | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof InputError || error instanceof VerificationError) return undefined
    throw error
  }
}

/**
 * Compares a head from elsewhere with the tree.
 * @throws AuditFault `went-back` or `fork`: together with the checkpoint the file proves it to anybody.
 */
export async function assertSeen(
  tree: AuthenticatedTree,
  { treeSize, rootHash, heldBy }: SeenHead,
): Promise<void> {
  const { treeSize: has } = tree.head
  const size = Number(treeSize)
  const place = { treeSize: size }
  if (treeSize > has) {
    const message = `${heldBy} shows a signed tree of ${treeSize} entries, and the log has ${has}`
    throw new AuditFault('went-back', message, place)
  }
  if (equalBytes(await tree.rootAt(size), rootHash)) return
  const message = `${heldBy} shows another tree of size ${treeSize} than the log has, signed by its own key`
  throw new AuditFault('fork', message, place)
}
