/** Statements around a payload, with a signature that is none: what is tested here never looks at it. */
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { encodeSign1 } from '../../../src/cose/sign1.ts'
import { PayloadError } from '../../../src/errors.ts'
import { describeStatement } from '../../../src/payload/describe-statement.ts'
import type { Description } from '../../../src/payload/description.ts'
import { validatePayload } from '../../../src/payload/validate-payload.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../../src/statement/signed-statement.ts'

const SIGNATURE = new Uint8Array(64)

/** @param payload bytes, a text, or anything else to be written as JSON. */
export function unsigned(payload: unknown, contentType = 'application/json'): SignedStatement {
  const protectedBytes = encodeCbor(
    new Map<number, number | string>([
      [1, -7],
      [3, contentType],
    ]),
  )
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : encodeUtf8(typeof payload === 'string' ? payload : JSON.stringify(payload))
  return parseSignedStatement(encodeSign1({ protectedBytes, payload: bytes, signature: SIGNATURE }))
}

/** What it says, and why it is refused, if it is: `<code> <pointer>`. */
export function readAs(
  payload: unknown,
  contentType?: string,
): Description & { readonly refusal: string } {
  const statement = unsigned(payload, contentType)
  return { ...describeStatement({ statement }), refusal: refusalOf(statement) }
}

function refusalOf(statement: SignedStatement): string {
  try {
    validatePayload({ statement })
    return ''
  } catch (error) {
    if (error instanceof PayloadError) return `${error.code} ${error.pointer}`
    throw error
  }
}

/** Values of one attribute. */
export function valuesOf({ attributes }: Description, name: string): readonly string[] {
  return attributes.filter((attribute) => attribute.name === name).map(({ value }) => value)
}

/** The first number of a name. */
export function numberOf({ numbers }: Description, name: string): number | undefined {
  return numbers.find((number) => number.name === name)?.value
}

export function findingsOf({ findings }: Description): readonly string[] {
  return findings.map(({ code }) => code)
}

/** A deep copy with one member set or, with `undefined`, taken away; `/` separates the path. */
export function changed(document: object, path: string, value: unknown): object {
  const copy = structuredClone(document) as Record<string, unknown>
  const names = path.split('/').slice(1)
  const last = names.pop()!
  let at: Record<string, unknown> = copy
  for (const name of names) at = at[name] as Record<string, unknown>
  if (value === undefined && !Array.isArray(at)) Reflect.deleteProperty(at, last)
  else at[last] = value
  return copy
}
