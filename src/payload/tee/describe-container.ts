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
import { parseTeeEvidence, TEE_EVIDENCE_MEDIA_TYPE } from './evidence-container.ts'

/** Describes a container; nothing is verified. @throws EvidenceError as the parsers. */
export function describeContainer(bytes: Uint8Array, out: DescriptionBuilder): void {
  const { format, evidence, collateral } = parseTeeEvidence(bytes)
  out.digest('evidence', 'sha256', encodeHex(sha256(evidence)))
  EVIDENCE_DESCRIBERS[format](evidence, out)
  if (collateral === undefined) return
  parseCollateral(collateral)
  out.digest('evidence', 'sha256', encodeHex(sha256(collateral)))
}

/** For the table of media types. */
export const containerHandlers: ReadonlyMap<string, BytesHandler> = new Map([
  [
    TEE_EVIDENCE_MEDIA_TYPE,
    {
      kind: 'tee-evidence',
      check: ({ bytes }) => {
        checkedPayload(() => {
          describeContainer(bytes, new DescriptionBuilder())
        })
      },
      describe: ({ bytes }, out) => {
        describeContainer(bytes, out)
      },
    } satisfies BytesHandler,
  ],
])
