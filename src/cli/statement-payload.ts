/** Files that hold a document, or a statement around it: commands take either. */
import { AttestryError } from '../errors.ts'
import { payloadContent } from '../payload/payload-content.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

/** The payload of a statement, which is not verified here; any other bytes as they are. */
export function unwrapStatement(bytes: Uint8Array): Uint8Array {
  try {
    return payloadContent(parseSignedStatement(bytes), undefined) ?? bytes
  } catch (error) {
    if (error instanceof AttestryError) return bytes
    throw error
  }
}
