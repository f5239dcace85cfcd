/**
 * Tables that fit their terminal: where a line would be too long, the widest columns are cut first,
 * each down to its own minimum. Without a terminal nothing is cut: a pipe gets whole values.
 */
import { escapeText } from '../escape.ts'

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** Least width that it is cut to; a column without one is never cut. */
  readonly min?: number
  /**
   * What is left out: the end; the middle, so that both ends can be compared; or all beyond the
   * minimum, for times whose first part stands for itself.
   */
  readonly cut?: 'end' | 'middle' | 'rest'
  /** Left out where no row has anything to say. */
  readonly isOptional?: boolean
}

const GAP = '  '
const ELLIPSIS = '…'

/** Columns of the terminal that standard output is; undefined when it is none. */
export function terminalWidth(): number | undefined {
  const { isTTY, columns } = process.stdout as { isTTY?: boolean; columns?: number }
  return isTTY === true ? columns : undefined
}

/** What an empty cell shows. */
export const NOTHING = '-'

/** Lines of a table, its titles first. Cells may hold anything; they are escaped here. */
export function table(
  all: readonly Column[],
  allRows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const kept = all.map(({ isOptional }, at) => isOptional !== true || allRows.some((row) => row[at] !== NOTHING)) // prettier-ignore
  const columns = all.filter((_, at) => kept[at])
  const rows = allRows.map((row) => row.filter((_, at) => kept[at]))
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(escapeText))]
  const natural = columns.map((_, at) => Math.max(...cells.map((row) => displayWidth(row[at]!))))
  const widths = fit(columns, natural, width)
  return cells.map((row) =>
    columns
      .map((column, at) => pad(cutTo(row[at]!, widths[at]!, column), widths[at]!, column.align))
      .join(GAP)
      .trimEnd(),
  )
}

function fit(
  columns: readonly Column[],
  natural: readonly number[],
  width: number | undefined,
): readonly number[] {
  const widths = [...natural]
  if (width === undefined) return widths
  let excess = widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width
  while (excess > 0) {
    const cuttable = columns.flatMap(({ min }, at) =>
      min !== undefined && widths[at]! > min ? [at] : [],
    )
    if (cuttable.length === 0) break
    const widest = cuttable.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    widths[widest]! -= 1
    excess -= 1
  }
  return widths
}

function cutTo(text: string, width: number, { cut = 'end', min }: Column): string {
  if (displayWidth(text) <= width) return text
  if (cut === 'rest') return text.slice(0, min)
  const points = Array.from(text)
  const room = width - 1
  if (cut === 'middle') {
    const tail = Math.floor(room / 2)
    return takeWidth(points, room - tail) + ELLIPSIS + takeTail(points, tail)
  }
  return takeWidth(points, room) + ELLIPSIS
}

function takeWidth(points: readonly string[], width: number): string {
  let [taken, used] = ['', 0]
  for (const point of points) {
    used += pointWidth(point)
    if (used > width) break
    taken += point
  }
  return taken
}

function takeTail(points: readonly string[], width: number): string {
  return Array.from(takeWidth([...points].reverse(), width))
    .reverse()
    .join('')
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'right' ? space + text : text + space
}

// East Asian wide and fullwidth, and emoji: two columns on the terminals that people use.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}|[\u{20000}-\u{3fffd}]/u

function pointWidth(point: string): number {
  if (/\p{Mn}|\p{Me}/u.test(point)) return 0
  return WIDE.test(point) ? 2 : 1
}

/** Columns that escaped text takes on a terminal. */
export function displayWidth(text: string): number {
  // Most text is ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  return Array.from(text).reduce((sum, point) => sum + pointWidth(point), 0)
}
