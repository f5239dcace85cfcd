/**
 * The step limit of conditions: how much work an expression can be at most over given facts, found
 * before it is evaluated. In the allowed subset values only come from the facts and the text, so the
 * bound is a walk over the syntax tree; a comprehension multiplies its body by the length of its
 * range. Being computed, not counted, it is the same for everybody who replays the decision.
 */
import type { ASTNode } from '@marcbachmann/cel-js'
import { CEL_VARIABLES, comprehensionOf } from './cel-subset.ts'
import type { CelFacts } from './cel-subset.ts'

/** Work allowed for all conditions of one decision; tens of milliseconds at worst. */
export const CEL_STEPS_MAX = 50_000
/** Characters compared or searched that count as one step. */
const CHARACTERS_PER_STEP = 64

/** Upper bounds for a value: all that is in it, and the longest list or map in it. */
interface Size {
  /** Characters, elements and values, all counted. */
  readonly total: number
  readonly length: number
  /** The value itself, where it is a part of the facts. */
  readonly value?: unknown
}

type Scope = ReadonlyMap<string, Size>

/** The most steps that the expression can take over these facts; may be Infinity. */
export function boundSteps(ast: ASTNode, facts: CelFacts): number {
  const sizes = new Map<unknown, Size>()
  const scope = new Map(CEL_VARIABLES.map((name) => [name as string, measure(facts[name], sizes)]))
  let steps = 0
  const visit = (node: ASTNode, names: Scope, times: number): Size => {
    const comprehension = comprehensionOf(node)
    if (comprehension !== undefined) {
      const range = visit(comprehension.range, names, times)
      const element = elementOf(range, sizes)
      const inner = new Map(names).set(comprehension.name, element)
      const rounds = lengthOf(range)
      steps += times * (1 + rounds)
      visit(comprehension.body, inner, times * rounds)
      return { total: range.total, length: range.length }
    }
    if (node.op === 'id') return names.get(node.args) ?? NOTHING
    const operands = operandsOf(node).map((child) => visit(child, names, times))
    steps += times * (1 + Math.ceil(workOf(node, operands) / CHARACTERS_PER_STEP))
    return resultOf(node, operands, sizes)
  }
  visit(ast, scope, 1)
  return steps
}

const NOTHING: Size = { total: 1, length: 0 }

function operandsOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case '.':
      return [node.args[0]]
    case 'rcall':
      return [node.args[1], ...node.args[2]]
    case 'call':
      return node.args[1]
    case 'value':
    case 'id':
      return []
    default:
      return Array.isArray(node.args) ? (node.args as readonly ASTNode[]) : [node.args]
  }
}

/** Characters and elements that an operator may have to look at, beside evaluating its operands. */
function workOf(node: ASTNode, operands: readonly Size[]): number {
  const [a = NOTHING, b = NOTHING] = operands
  switch (node.op) {
    case 'rcall':
      // A search may look at every character of the needle for every one of the text.
      return node.args[0] === 'contains' ? a.total * b.total : a.total
    case '==':
    case '!=':
      // Each element of a structure is a call of the evaluator, not a character.
      return (a.length + b.length > 0 ? CHARACTERS_PER_STEP : 1) * Math.min(a.total, b.total)
    case 'in':
      return b.length * CHARACTERS_PER_STEP + (a.length > 0 ? CHARACTERS_PER_STEP : 1) * b.total
    case '.':
    case '[]':
    case '?:':
    case '&&':
    case '||':
      return 0
    default:
      return a.total + b.total
  }
}

function resultOf(node: ASTNode, operands: readonly Size[], sizes: Map<unknown, Size>): Size {
  const [a = NOTHING] = operands
  switch (node.op) {
    case 'value':
      return { total: 1 + String(node.args).length, length: 0 }
    case '.':
      if (a.value instanceof Map) return measure(a.value.get(node.args[1]), sizes)
      return { total: a.total, length: a.length }
    case '[]':
      return { total: a.total, length: a.length }
    case 'list':
    case '?:':
      return {
        total: operands.reduce((sum, { total }) => sum + total, 1),
        length: Math.max(operands.length, ...operands.map(({ length }) => length)),
      }
    default:
      return NOTHING // a bool or a number
  }
}

function lengthOf({ value, length }: Size): number {
  if (Array.isArray(value)) return value.length
  return value instanceof Map ? value.size : length
}

/** The bound of one element of a range: the largest of a known list, else all of the range. */
function elementOf(range: Size, sizes: Map<unknown, Size>): Size {
  const { value, total, length } = range
  if (value instanceof Map) return { total, length: 0 } // its keys
  if (!Array.isArray(value)) return { total, length }
  const elements = value.map((element: unknown) => measure(element, sizes))
  return {
    total: Math.max(1, ...elements.map((element) => element.total)),
    length: Math.max(0, ...elements.map((element) => element.length)),
  }
}

/** The size of a part of the facts. Facts are nested no deeper than JSON_DEPTH_MAX. */
function measure(value: unknown, sizes: Map<unknown, Size>): Size {
  if (typeof value === 'string') return { total: 1 + value.length, length: 0, value }
  if (typeof value !== 'object' || value === null) return { ...NOTHING, value }
  const known = sizes.get(value)
  if (known !== undefined) return known
  const parts = value instanceof Map ? [...value.keys(), ...value.values()] : (value as unknown[])
  let total = 1
  let length = value instanceof Map ? value.size : parts.length
  for (const part of parts) {
    const size = measure(part, sizes)
    total += size.total
    length = Math.max(length, size.length)
  }
  const size: Size = { total, length, value }
  sizes.set(value, size)
  return size
}
