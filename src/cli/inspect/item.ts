/** What `inspect` found, as a tree of named items: printed with indentation, or given as JSON. */

/** One thing found in a file. `note` is ours; `value` comes from the file. */
export interface Item {
  readonly name: string
  readonly value?: string
  readonly note?: string
  readonly items?: readonly Item[]
}

/** A whole file: what it seems to be, and what is in it. */
export interface Inspection {
  readonly kind: string
  readonly items: readonly Item[]
}

const INDENT = '  '
/** Names longer than this do not push the column of values to the right. */
const NAME_WIDTH_MAX = 30

/** The tree as lines, the values of siblings in one column. */
export function renderItems(items: readonly Item[], depth = 0): string[] {
  const width = Math.min(
    NAME_WIDTH_MAX,
    Math.max(0, ...items.filter((item) => item.value !== undefined).map((i) => i.name.length)),
  )
  return items.flatMap((item) => {
    const name = item.value === undefined ? item.name : item.name.padEnd(width)
    const parts = [name, item.value, item.note === undefined ? undefined : `(${item.note})`]
    const line = INDENT.repeat(depth) + parts.filter((part) => part !== undefined).join('  ')
    return [line, ...renderItems(item.items ?? [], depth + 1)]
  })
}
