/**
 * Readers for members of an in-toto Statement that have to be there, or of a type when they are: each
 * says what is wrong, and where.
 */
import type { JsonObject } from './json-members.ts'
import { malformed } from './malformed.ts'

export function fail(pointer: string, message: string): never {
  return malformed(pointer, `in-toto Statement: ${message}`)
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function failObject(value: unknown, pointer: string, what: string): never {
  return fail(pointer, value === undefined ? `${what} is missing` : `${what} is not an object`)
}

export function readObject(value: unknown, pointer: string, what: string): JsonObject {
  return isObject(value) ? value : failObject(value, pointer, what)
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value)
}

export function readText(value: unknown, pointer: string, what: string): string {
  if (isPlainText(value)) return value
  return fail(
    pointer,
    value === undefined ? `${what} is missing` : `${what} is not a non-empty text`,
  )
}

/** A member of the object itself; protocol buffers' JSON writes an absent one as null, too. */
export function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}

export function optionalText(value: unknown, pointer: string, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return fail(pointer, `${what} is not a text`)
}
