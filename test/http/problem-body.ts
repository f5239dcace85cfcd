/** Reading answers in tests: binary bodies through supertest, and concise problem details. */
import type { Response, Test } from 'supertest'
import { decodeCbor } from '../../src/cbor/decode.ts'
import type { CborMap } from '../../src/cbor/decode.ts'

/** Makes supertest keep the body as bytes, whatever its type. */
export function binary(test: Test): Test {
  return test.buffer(true).parse((res, done) => {
    const chunks: Buffer[] = []
    res.on('data', (chunk: Buffer) => chunks.push(chunk))
    res.on('end', () => {
      done(null, new Uint8Array(Buffer.concat(chunks)))
    })
  })
}

export function bytesOf(response: Response): Uint8Array {
  return response.body as Uint8Array
}

export interface ReadProblem {
  readonly title: unknown
  readonly detail: unknown
  readonly code: unknown
  readonly rule: unknown
}

/** Concise problem details; fails for anything else. */
export function readConciseProblem(type: unknown, body: Uint8Array): ReadProblem {
  if (type !== 'application/concise-problem-details+cbor') {
    throw new Error(`expected concise problem details, got ${String(type)}`)
  }
  const map = decodeCbor(body) as CborMap
  const custom = map.get('https://attestry.dev/problem') as CborMap
  return { title: map.get(-1), detail: map.get(-2), code: custom.get(0), rule: custom.get(2) }
}

export function problemOf(response: Response): ReadProblem & { readonly status: number } {
  const problem = readConciseProblem(response.headers['content-type'], bytesOf(response))
  return { status: response.status, ...problem }
}
