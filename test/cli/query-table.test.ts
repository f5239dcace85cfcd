/** Tables of look-ups: they fit where they are shown, and show nothing that a terminal acts on. */
import { describe, expect, it } from 'vitest'
import { displayWidth, table } from '../../src/cli/query/table.ts'
import type { Column } from '../../src/cli/query/table.ts'

const COLUMNS: readonly Column[] = [
  { title: 'N', align: 'right' },
  { title: 'WHEN', min: 10, cut: 'rest' },
  { title: 'NAME', min: 6 },
  { title: 'ID', min: 9, cut: 'middle' },
  { title: 'NOTE', isOptional: true },
]
const ROWS = [
  ['1', '2026-01-31T12:00:00Z', 'a short name', 'abcdefghijklmnopqrstuvwxyz', '-'],
  ['20', '2026-01-31T12:00:00Z', 'a name that is longer than others', '0123456789', '-'],
]

describe('a table', () => {
  it('cuts nothing where there is no terminal, and leaves out what says nothing', () => {
    expect(table(COLUMNS, ROWS, undefined)).toEqual([
      ' N  WHEN                  NAME                               ID',
      ' 1  2026-01-31T12:00:00Z  a short name                       abcdefghijklmnopqrstuvwxyz',
      '20  2026-01-31T12:00:00Z  a name that is longer than others  0123456789',
    ])
    expect(table(COLUMNS, [['1', '2', '3', '4', 'x']], undefined)[0]).toContain('NOTE')
  })

  it('cuts the widest first', () => {
    expect(table(COLUMNS, ROWS, 70)).toEqual([
      ' N  WHEN                  NAME                   ID',
      ' 1  2026-01-31T12:00:00Z  a short name           abcdefghij…qrstuvwxyz',
      '20  2026-01-31T12:00:00Z  a name that is longe…  0123456789',
    ])
  })

  it.each([30, 33, 40, 52, 60, 79, 80, 85])('fits %i columns', (width) => {
    for (const line of table(COLUMNS, ROWS, width)) {
      expect(displayWidth(line), line).toBeLessThanOrEqual(Math.max(width, 33))
    }
  })

  it('keeps minimums, even where that does not fit', () => {
    expect(table(COLUMNS, ROWS, 10)).toEqual([
      ' N  WHEN        NAME    ID',
      ' 1  2026-01-31  a sho…  abcd…wxyz',
      '20  2026-01-31  a nam…  0123…6789',
    ])
  })

  it('shows controls and text that runs backwards as what they are', () => {
    const [, line] = table([{ title: 'A' }], [['\u001b[31mred\u202e\n']], undefined)
    expect(line).toBe('\\u{1b}[31mred\\u{202e}\\u{0a}')
  })

  it('knows wide letters and marks without width', () => {
    expect([displayWidth('日本'), displayWidth('e\u0301'), displayWidth('ab')]).toEqual([4, 1, 2])
    const columns: Column[] = [{ title: 'A', min: 4 }, { title: 'B' }]
    expect(table(columns, [['日本語日本語', 'x']], 8)).toEqual(['A      B', '日本…  x'])
  })
})
