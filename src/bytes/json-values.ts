/** Reads values of a JSON document that was parsed (strict-json.ts): each says what it wants, or refuses. */
import { InputError } from '../errors.ts'
import type { JsonContext } from './strict-json.ts'

/**
 * `value` as an object that has all `required` members, perhaps the `optional` ones, and no others.
 * @throws InputError with the context's code otherwise.
 */
export function readMembers(
  value: unknown,
  members: { readonly required: readonly string[]; readonly optional?: readonly string[] },
  context: JsonContext,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(context.code, `${context.what} is not a JSON object`)
  }
  const names = Object.keys(value)
  for (const name of members.required) {
    if (!names.includes(name)) {
      throw new InputError(context.code, `${context.what} lacks the member "${name}"`)
    }
  }
  for (const name of names) {
    if (!members.required.includes(name) && members.optional?.includes(name) !== true) {
      throw new InputError(context.code, `${context.what} has an unknown member "${name}"`)
    }
  }
  return value as Record<string, unknown>
}

/**
 * `value` as non-empty text without control characters.
 * @throws InputError with the context's code otherwise.
 */
export function readText(value: unknown, context: JsonContext): string {
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) {
    throw new InputError(context.code, `${context.what} is not a non-empty text`)
  }
  return value
}

/**
 * `value` as a list.
 * @throws InputError with the context's code otherwise.
 */
export function readList(value: unknown, context: JsonContext): readonly unknown[] {
  if (!Array.isArray(value)) throw new InputError(context.code, `${context.what} is not a list`)
  return value
}
