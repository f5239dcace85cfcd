/**
 * What a service says went wrong, read from whatever body it sent: concise problem details (RFC
 * 9290), JSON problem details (RFC 9457 and its SCITT predecessors), CBOR or JSON of another shape,
 * text, HTML or nothing. Reading never throws, and what comes out is safe to show on a terminal.
 */
import { decodeCbor, CborTag } from '../cbor/decode.ts'
import type { CborValue } from '../cbor/decode.ts'

/** An error answer, as far as it could be read. */
export interface ServiceProblem {
  /** HTTP status. */
  readonly status: number
  readonly title?: string
  readonly detail?: string
  readonly instance?: string
  /** Stable machine code, when the service gives one: ours, or the type URN of older drafts. */
  readonly code?: string
  /** Rule of the Registration Policy that refused, where the service names it. */
  readonly rule?: string
  /** JSON Pointer into the payload that was refused. */
  readonly pointer?: string
}

const TEXT_LENGTH_MAX = 1_000
const CPD = { title: -1, detail: -2, instance: -3 } as const

/** Reads the problem from an answer's status and body. */
export function readProblem(status: number, mediaType: string, body: Uint8Array): ServiceProblem {
  if (body.length === 0) return { status }
  const found = readCbor(body, mediaType) ?? readJson(body) ?? readText(body, mediaType)
  return { status, ...found }
}

/**
 * One line for people: title, detail and the HTTP status.
 * @param shownCode a code that stands beside the line anyway.
 */
export function describeProblem(problem: ServiceProblem, shownCode?: string): string {
  const said = [problem.title, problem.detail].filter((text) => text !== undefined).join(': ')
  const isShown = problem.code === undefined || problem.code === shownCode
  const code = isShown ? '' : `, ${problem.code}`
  const rule = problem.rule === undefined ? '' : `, rule ${problem.rule}`
  return `${said === '' ? 'the service gave no reason' : said} (HTTP ${problem.status}${code}${rule})`
}

type Found = Omit<ServiceProblem, 'status'>

function readCbor(body: Uint8Array, mediaType: string): Found | undefined {
  // Text and JSON bodies can happen to be well-formed CBOR too; they are not maps then.
  if (mediaType.includes('json') || mediaType.startsWith('text/')) return undefined
  let decoded: CborValue
  try {
    decoded = decodeCbor(body)
  } catch {
    return undefined
  }
  if (!(decoded instanceof Map)) return undefined
  const map = decoded as ReadonlyMap<CborValue, CborValue>
  return prune({
    title: languageText(map.get(CPD.title)) ?? languageText(map.get('title')),
    detail: languageText(map.get(CPD.detail)) ?? languageText(map.get('detail')),
    instance: languageText(map.get(CPD.instance)),
    code: customEntry(map, 0) ?? languageText(map.get('code')),
    rule: customEntry(map, 2),
    pointer: customEntry(map, 3),
  })
}

/** A text, or tag 38 `[language, text, ?direction]`. */
function languageText(value: CborValue): string | undefined {
  const text = value instanceof CborTag && value.tag === 38 ? value.value : value
  const plain: unknown = Array.isArray(text) ? text[1] : text
  return typeof plain === 'string' ? printable(plain) : undefined
}

/**
 * A custom entry is a map under an absolute URI; its member 0 is the code (standards.md §3.9), and
 * ours has the rule for member 2 and a JSON Pointer for member 3.
 */
function customEntry(
  map: ReadonlyMap<CborValue, CborValue>,
  member: 0 | 2 | 3,
): string | undefined {
  for (const [key, value] of map) {
    if (typeof key !== 'string' || !key.includes(':') || !(value instanceof Map)) continue
    const text: unknown = (value as ReadonlyMap<CborValue, CborValue>).get(member)
    if (typeof text === 'string') return printable(text)
  }
  return undefined
}

function readJson(body: Uint8Array): Found | undefined {
  let decoded: unknown
  try {
    decoded = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
  if (typeof decoded !== 'object' || decoded === null) return undefined
  const top = new Map<string, unknown>(Object.entries(decoded))
  // CCF wraps its JSON errors: {"error": {"code", "message"}}.
  const inner = top.get('error')
  const members =
    typeof inner === 'object' && inner !== null
      ? new Map<string, unknown>(Object.entries(inner))
      : top
  const text = (...names: string[]): string | undefined => {
    const value = names.map((name) => members.get(name)).find((one) => typeof one === 'string')
    return typeof value === 'string' ? printable(value) : undefined
  }
  return prune({
    title: text('title', 'error'),
    detail: text('detail', 'message', 'error_description'),
    instance: text('instance'),
    code: text('code', 'type'),
    rule: text('rule'),
    pointer: text('pointer'),
  })
}

function readText(body: Uint8Array, mediaType: string): Found {
  const text = new TextDecoder().decode(body.subarray(0, 4 * TEXT_LENGTH_MAX))
  // A page of HTML explains nothing in a terminal but its title; linear search, no parsing.
  if (mediaType.includes('html') || text.trimStart().startsWith('<')) {
    const start = text.toLowerCase().indexOf('<title>')
    const end = start < 0 ? -1 : text.toLowerCase().indexOf('</title>', start)
    return end < 0 ? {} : prune({ detail: printable(text.slice(start + '<title>'.length, end)) })
  }
  return text.includes('\ufffd') ? {} : prune({ detail: printable(text) })
}

function prune(found: { readonly [Name in keyof Found]: string | undefined }): Found {
  return Object.fromEntries(
    Object.entries(found).filter(([, value]) => value !== undefined && value !== ''),
  )
}

/** One line without control, format or bidirectional characters. */
function printable(text: string): string {
  return text
    .slice(0, TEXT_LENGTH_MAX)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
    .trim()
}
