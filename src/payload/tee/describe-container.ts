/**
 * Evidence containers in the vocabulary of descriptions: what the evidence inside says, from its own
 * bytes. What it claims to be bound to is not among it: a binding counts only once it was recomputed.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { DescriptionBuilder } from '../description-builder.ts'
import type { BytesHandler } from '../handler.ts'
import { checkedPayload } from './checked-payload.ts'
import { parseCollateral } from './collateral-bundle.ts'
import { EVIDENCE_DESCRIBERS } from './describe-vendors.ts'
import { EvidenceError } from './evidence.ts'
import { parseTeeEvidence, TEE_EVIDENCE_MEDIA_TYPE } from './evidence-container.ts'
import { parseQuote } from './quote.ts'

/** Describes a container; nothing is verified. @throws EvidenceError as the parsers. */
export function describeContainer(bytes: Uint8Array, out: DescriptionBuilder): void {
  const { format, evidence, collateral } = parseTeeEvidence(bytes)
  out.digest('evidence', 'sha256', encodeHex(sha256(evidence)))
  EVIDENCE_DESCRIBERS[format](evidence, out)
  if (collateral === undefined) return
  out.digest('evidence', 'sha256', encodeHex(sha256(collateral)))
}

/**
 * The form of a container and of what is in it, as far as that is cheap: admission looks at this before
 * anything is verified. The certificates in a quote are left to whoever verifies or describes it.
 * @throws EvidenceError as the parsers.
 */
export function checkContainer(bytes: Uint8Array): void {
  const { format, evidence, collateral } = parseTeeEvidence(bytes)
  if (format === 'sgx-quote' || format === 'tdx-quote') {
    if (`${parseQuote(evidence).tee}-quote` !== format) {
      throw new EvidenceError('malformed', `the quote is not a ${format}`)
    }
  } else EVIDENCE_DESCRIBERS[format](evidence, new DescriptionBuilder())
  if (collateral !== undefined) parseCollateral(collateral)
}

/** For the table of media types. */
export const containerHandlers: ReadonlyMap<string, BytesHandler> = new Map([
  [
    TEE_EVIDENCE_MEDIA_TYPE,
    {
      kind: 'tee-evidence',
      check: ({ bytes }) => {
        checkedPayload(() => {
          checkContainer(bytes)
        })
      },
      describe: ({ bytes }, out) => {
        describeContainer(bytes, out)
      },
    } satisfies BytesHandler,
  ],
])
