/**
 * Problem details on the wire: concise ones in CBOR (RFC 9290 §2) and JSON ones (RFC 9457). SCRAPI
 * resources, and whatever is not one of our extensions, answer the former; either is given when
 * Accept names it (design D13).
 *
 * The custom entry of RFC 9290 §2.2 stands under our own absolute URI and holds
 * `{0: machine code, ? 1: request id, ? 2: rule of the Registration Policy, ? 3: JSON Pointer into
 * the payload}`. `-4` is a CoAP code and is never sent.
 */
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { CborValue } from '../cbor/decode.ts'
import { encodeCbor } from '../cbor/encode.ts'
import { chooseType, MEDIA_TYPE } from './media-type.ts'
import type { ProblemReport } from './problem.ts'

/** Key of the custom entry and prefix of the JSON `type`. */
export const PROBLEM_URI = 'https://attestry.dev/problem'

const TITLE = -1
const DETAIL = -2
const CUSTOM = { code: 0, requestId: 1, rule: 2, pointer: 3 } as const

/** An encoded problem and its media type. */
export interface ProblemDocument {
  readonly type: string
  readonly body: Uint8Array
}

/** Encodes a problem for a path, in the form that `accept` names or that the path usually has. */
export function encodeProblem(
  report: ProblemReport,
  request: { readonly path: string; readonly accept?: string | undefined },
): ProblemDocument {
  const { conciseProblem, problemJson } = MEDIA_TYPE
  const forms = isExtension(request.path)
    ? { usual: problemJson, alternative: conciseProblem }
    : { usual: conciseProblem, alternative: problemJson }
  const type = chooseType<string>(request.accept, forms)
  return {
    type,
    body: type === problemJson ? encodeJsonProblem(report) : encodeConciseProblem(report),
  }
}

/** RFC 9290 concise problem details, deterministically encoded. */
export function encodeConciseProblem(report: ProblemReport): Uint8Array {
  const custom = new Map<CborValue, CborValue>([[CUSTOM.code, report.code]])
  if (report.requestId !== undefined) custom.set(CUSTOM.requestId, report.requestId)
  if (report.rule !== undefined) custom.set(CUSTOM.rule, report.rule)
  if (report.pointer !== undefined) custom.set(CUSTOM.pointer, report.pointer)
  return encodeCbor(
    new Map<CborValue, CborValue>([
      [TITLE, report.title],
      [DETAIL, report.detail],
      [PROBLEM_URI, custom],
    ]),
  )
}

function encodeJsonProblem(report: ProblemReport): Uint8Array {
  const { title, status, detail, code, rule, pointer, requestId } = report
  const type = `${PROBLEM_URI}#${report.docs}`
  return encodeUtf8(JSON.stringify({ type, title, status, detail, code, rule, pointer, requestId }))
}

const ENTRY_EXTENSIONS = new Set<string | undefined>([
  'statement',
  'receipts',
  'tlog-proof',
  'appraisal',
])
const EXTENSIONS = new Set<string | undefined>([
  ...['batches', 'consistency', 'heads', 'schemas', 'collateral', 'payloads'],
  ...['statements', 'artifacts', 'feed'],
  // C2SP's static face.
  ...['checkpoint', 'tile', 'log-key', 'log-keys', 'tlog-policy'],
])

/** Our own resources beside SCRAPI's; unknown paths count as SCRAPI's (standards.md TS-61). */
function isExtension(path: string): boolean {
  if (path === '/' || path === '/health' || path === '/openapi.yaml') return true
  const [, first, , third] = path.split('/', 4)
  if (first === 'entries') return ENTRY_EXTENSIONS.has(third)
  return EXTENSIONS.has(first)
}
