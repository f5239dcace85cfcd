/**
 * What a kind of statement has to bring to be understood: one small interface for JSON (an in-toto
 * predicate, or a document that comes bare) and one for other bytes. Who calls: describe-statement.ts
 * and validate-payload.ts. Which handler reads what: predicates.ts (by predicate type) and
 * media-handlers.ts (by media type).
 *
 * Order, for JSON: the strict parser, the JSON Schema named in the table, `check`, `describe`. So
 * `check` may rely on the schema and `describe` on both; an optional member may be `null`, which
 * means absent (Go and protocol buffers write that). The readers of json-members.ts know.
 */
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { DescriptionBuilder } from './description-builder.ts'
import type { StatementKind } from './description.ts'
import type { JsonObject } from './json-members.ts'
import type { MediaType } from './media-types.ts'

/** A JSON payload that passed the schema. */
export interface JsonInput {
  /** The whole document: the in-toto Statement, or the same as `predicate` when it comes bare. */
  readonly json: JsonObject
  /** The predicate, or the bare document. */
  readonly predicate: JsonObject
  /** JSON Pointer to `predicate` within the document, for errors and findings. */
  readonly at: '/predicate' | ''
  /** The predicate type as it was written, or the media type's name. */
  readonly type: string
}

/** Reads one kind of JSON. Subjects of the in-toto Statement are described before it is asked. */
export interface JsonHandler {
  readonly kind: StatementKind
  /** Where the content decides the kind, e.g. a SCAI report that binds evidence to a build. */
  readonly kindOf?: (input: JsonInput) => StatementKind
  /**
   * Rules that a schema cannot state.
   * @throws PayloadError with the pointer of what is wrong: `${input.at}/level`.
   */
  readonly check?: (input: JsonInput) => void
  /** Adds what the statement says. Never throws. */
  readonly describe: (input: JsonInput, out: DescriptionBuilder) => void
}

/** Bytes that are not JSON, or JSON that has a reader of its own. */
export interface BytesInput {
  /** The payload, or the preimage of a hash envelope. */
  readonly bytes: Uint8Array
  readonly mediaType: MediaType
  /** The statement around it, for bindings to its key. Not verified here. */
  readonly statement: SignedStatement
}

/** Reads one kind of other bytes. `describe` is called only for what `check` let through. */
export interface BytesHandler {
  readonly kind: StatementKind
  readonly kindOf?: (input: BytesInput) => StatementKind
  /** @throws PayloadError when the bytes are not what the media type names; pointer '' for CBOR. */
  readonly check: (input: BytesInput) => void
  readonly describe: (input: BytesInput, out: DescriptionBuilder) => void
}
