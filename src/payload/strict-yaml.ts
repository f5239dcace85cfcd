/**
 * YAML documents, read as strictly as JSON is: one document of YAML 1.2's core schema, whose keys are
 * texts, none twice; no anchors and aliases (and so no bombs of them), no tags, no numbers that JSON
 * cannot write. The result is what JSON would have said. Size and nesting are bounded before
 * anything recursive sees them.
 */
import { Composer, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml'
import type { CST, Document, Node } from 'yaml'
import { decodeUtf8 } from '../bytes/bytes.ts'
import { PayloadError } from '../errors.ts'
import { pointerToken } from './json-members.ts'

/** Largest YAML document that is read. */
export const YAML_BYTES_MAX = 65_536
/** Most signs and words that a document may have, white space included. */
export const YAML_LEXEMES_MAX = 32_768
/** Deepest nesting of lists and maps. */
export const YAML_DEPTH_MAX = 32

/** One schema, one version; keys are compared here, in linear time, not by the library. */
const OPTIONS = { schema: 'core', version: '1.2', uniqueKeys: false, merge: false } as const

function fail(message: string, pointer = ''): never {
  throw new PayloadError('ERR_PAYLOAD_MALFORMED', pointer, `YAML: ${message}`)
}

/**
 * The value of a YAML document, made of what JSON has.
 * @throws PayloadError with the pointer of what is wrong, as far as it has one.
 */
export function parseStrictYaml(bytes: Uint8Array): unknown {
  if (bytes.length > YAML_BYTES_MAX) fail(`larger than ${YAML_BYTES_MAX} bytes`)
  const document = compose(decode(bytes))
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) fail(problem.message.split('\n', 1)[0]!)
  if (document.directives.yaml.version !== '1.2') fail('only version 1.2 is read')
  return readNode(document.contents, '')
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch (cause) {
    throw new PayloadError('ERR_PAYLOAD_MALFORMED', '', 'YAML: not UTF-8', { cause })
  }
}

/** One document. What the library throws is the document's fault, whatever its class. */
function compose(text: string): Document.Parsed {
  let documents: readonly Document.Parsed[]
  try {
    const tokens = parse(text)
    assertShallow(tokens)
    documents = [...new Composer(OPTIONS).compose(tokens, true, text.length)]
  } catch (cause) {
    if (cause instanceof PayloadError) throw cause
    throw new PayloadError('ERR_PAYLOAD_MALFORMED', '', 'YAML: cannot be read', { cause })
  }
  return documents.length === 1 ? documents[0]! : fail('not exactly one document')
}

/** The documents as tokens; gives up early on what would cost too much. */
function parse(text: string): CST.Token[] {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  let count = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (++count > YAML_LEXEMES_MAX) fail(`more than ${YAML_LEXEMES_MAX} signs and words`)
    tokens.push(...parser.next(lexeme))
  }
  return [...tokens, ...parser.end()]
}

/** Walks the tokens level by level, so that no depth exhausts the stack. */
function assertShallow(tokens: readonly CST.Token[]): void {
  let level: readonly CST.Token[] = tokens
  // The document itself is a token around its content.
  for (let depth = -1; level.length > 0; depth++) {
    const hasCollection = level.some((token) => 'items' in token)
    if (depth >= YAML_DEPTH_MAX && hasCollection) fail(`nested deeper than ${YAML_DEPTH_MAX}`)
    level = level.flatMap(children)
  }
}

function children(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value]
  if (!('items' in token)) return []
  const items: readonly { key?: CST.Token | null; value?: CST.Token }[] = token.items
  return items.flatMap(({ key, value }) =>
    [key, value].filter((item): item is CST.Token => item !== undefined && item !== null),
  )
}

function readNode(node: Node | null, pointer: string): unknown {
  if (node === null) return null
  if (node.tag !== undefined) fail('tags are not read', pointer)
  const { anchor } = node as { readonly anchor?: string }
  if (anchor !== undefined) fail('anchors are not read', pointer)
  if (isScalar(node)) return readScalar(node.value, pointer)
  if (isSeq<Node | null>(node)) {
    return node.items.map((item, at) => readNode(item, `${pointer}/${at}`))
  }
  if (isMap<Node, Node | null>(node)) return readMap(node.items, pointer)
  return fail('aliases are not read', pointer)
}

interface Pair {
  readonly key: Node
  readonly value: Node | null
}

function readMap(pairs: readonly Pair[], pointer: string): Record<string, unknown> {
  const members = new Map<string, unknown>()
  for (const { key, value } of pairs) {
    const name = readNode(key, pointer)
    if (typeof name !== 'string') return fail('a key is not a text', pointer)
    const at = `${pointer}/${pointerToken(name)}`
    if (members.has(name)) fail('a key is there twice', at)
    members.set(name, readNode(value, at))
  }
  // Makes own members, also of a key such as __proto__.
  return Object.fromEntries(members)
}

function readScalar(value: unknown, pointer: string): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  return fail('a value that JSON cannot write', pointer)
}
