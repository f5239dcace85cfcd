/** docs/configuration.md lists every option as the table of options has it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { optionName, SERVE_KEYS, SERVE_OPTIONS } from '../../src/app/config-options.ts'

const guide = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')

function rowOf(key: (typeof SERVE_KEYS)[number]): string {
  const { help, usual, usualText, isList } = SERVE_OPTIONS[key]
  const none = isList === true || usual === undefined
  const text = usualText ?? (none ? '' : String(usual))
  return `| \`${optionName(key)}\` | ${text} | ${help} |`
}

describe('docs/configuration.md', () => {
  it('has a row for every option, with its default and what the help says', () => {
    expect(SERVE_KEYS.map(rowOf).filter((row) => !guide.includes(row))).toEqual([])
  })

  it('has no row for anything else', () => {
    const names = [...guide.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
    expect(names).toEqual(SERVE_KEYS.map(optionName))
  })
})
