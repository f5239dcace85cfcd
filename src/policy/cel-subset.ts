/**
 * The part of CEL (https://cel.dev) that policies may use, and the only place that sees the
 * evaluator (ADR 0010). Everything is named that is allowed, and nothing else is: no `matches` (it
 * backtracks), no `+` and no `map` (with them, values double at every step), no time zones, no
 * functions whose answer depends on the engine. So a value is never larger than the facts and the
 * text of the expression, and the work can be bounded before any is done (cel-cost.ts).
 */
import { Environment } from '@marcbachmann/cel-js'
import type { ASTNode } from '@marcbachmann/cel-js'
import { InputError } from '../errors.ts'

/** Evaluator and version that conditions run under; a policy that names another one is refused. */
export const CEL_EVALUATOR = '@marcbachmann/cel-js@8.0.0'

/** Longest expression, in characters. */
export const CEL_LENGTH_MAX = 2048
/** Largest expression, in nodes of its syntax tree. */
export const CEL_NODES_MAX = 256
/** Deepest nesting of `all`, `exists`, `exists_one` and `filter`. */
export const CEL_NESTING_MAX = 2

/** What conditions see. Nothing in it changes with time, so a decision does not either. */
export const CEL_VARIABLES = ['statement', 'payload', 'submitter'] as const

/** Facts by variable; maps all the way down, so that no name finds anything inherited. */
export type CelFacts = Readonly<
  Record<(typeof CEL_VARIABLES)[number], ReadonlyMap<string, unknown>>
>

/** A checked expression. */
export interface CelProgram {
  readonly ast: ASTNode
  /** Evaluates it; throws what the evaluator throws. Bound the work first. */
  run(facts: CelFacts): unknown
}

const UNARY = new Set(['!_', '-_'])
const BINARY = new Set('== != in < <= > >= - * / % && ||'.split(' '))
const FUNCTIONS = new Set(['has', 'size'])
const METHODS = new Set(['startsWith', 'endsWith', 'contains', 'size'])
/** Methods that bind a variable and evaluate their second argument for each element. */
const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'filter'])

const environment = CEL_VARIABLES.reduce(
  (built, name) => built.registerVariable(name, 'map<string, dyn>'),
  new Environment({
    unlistedVariablesAreDyn: false,
    limits: {
      maxAstNodes: CEL_NODES_MAX,
      maxDepth: 32,
      maxListElements: 64,
      maxMapEntries: 0,
      maxCallArguments: 2,
    },
  }),
)

/**
 * Parses an expression, holds it to the subset and checks its types.
 * @throws InputError `ERR_TRUST_CONFIGURATION` that says what is not allowed.
 */
export function parseCel(expression: string): CelProgram {
  if (expression.length > CEL_LENGTH_MAX) {
    fail(`longer than ${CEL_LENGTH_MAX} characters`)
  }
  let parsed
  try {
    parsed = environment.parse(expression)
  } catch (cause) {
    return fail(summaryOf(cause), { cause })
  }
  assertInSubset(parsed.ast, 0)
  const { valid, type, error } = parsed.check()
  if (!valid) fail(summaryOf(error), { cause: error })
  if (type !== 'bool' && type !== 'dyn') fail(`its value is a ${type ?? 'nothing'}, not a bool`)
  return { ast: parsed.ast, run: (facts) => parsed(facts) as unknown }
}

/** The range, the variable's name and the body, when the node is a comprehension. */
export function comprehensionOf(
  node: ASTNode,
): { readonly range: ASTNode; readonly name: string; readonly body: ASTNode } | undefined {
  if (node.op !== 'rcall' || !COMPREHENSIONS.has(node.args[0])) return undefined
  const [, range, [variable, body]] = node.args
  if (variable?.op !== 'id' || body === undefined) return undefined
  return { range, name: variable.args, body }
}

function assertInSubset(node: ASTNode, nesting: number): void {
  const comprehension = comprehensionOf(node)
  if (comprehension !== undefined) {
    if (nesting >= CEL_NESTING_MAX) fail(`comprehensions nest deeper than ${CEL_NESTING_MAX}`)
    const { name, range, body } = comprehension
    // A variable that hides another one would be read wrongly by people and bounded wrongly by us.
    if (CEL_VARIABLES.some((known) => known === name)) fail(`"${name}" is a variable already`)
    assertInSubset(range, nesting)
    assertInSubset(body, nesting + 1)
    return
  }
  for (const child of allowedChildren(node)) assertInSubset(child, nesting)
}

/** The operands of an allowed node. */
function allowedChildren(node: ASTNode): readonly ASTNode[] {
  const { op, args } = node
  switch (op) {
    case 'value':
      return args instanceof Uint8Array ? fail('byte strings are not allowed') : []
    case 'id':
      return []
    case '.':
      return [args[0]]
    case '[]':
    case '?:':
    case 'list':
      return args
    case 'call':
      return FUNCTIONS.has(args[0]) ? args[1] : fail(`the function ${args[0]}() is not allowed`)
    case 'rcall':
      return METHODS.has(args[0])
        ? [args[1], ...args[2]]
        : fail(`the method ${args[0]}() is not allowed, at least not with these arguments`)
    default:
      if (UNARY.has(op)) return [args as ASTNode]
      if (BINARY.has(op)) return args as readonly ASTNode[]
      return fail(`the operator ${op} is not allowed`)
  }
}

function summaryOf(error: unknown): string {
  if (error instanceof Error && 'summary' in error) return String(error.summary)
  return error instanceof Error ? error.message : 'it does not parse'
}

function fail(message: string, options?: ErrorOptions): never {
  throw new InputError('ERR_TRUST_CONFIGURATION', `CEL: ${message}`, options)
}
