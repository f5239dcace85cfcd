/** The help of every command, as a newcomer meets it. */
import { Command } from 'commander'
import type { Option } from 'commander'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { hosted } from './attestry.ts'

/** Commands that do something, by their words. */
const leaves: [string, readonly Option[]][] = []
const program = new Command('attestry')
for (const { add } of COMMANDS) await add(program)
const visit = (command: Command, words: readonly string[]): void => {
  for (const one of command.commands) visit(one, [...words, one.name()])
  if (command.commands.length === 0)
    leaves.push([words.join(' '), command.options.filter(({ hidden }) => !hidden)])
}
visit(program, [])

async function helpOf(words: string): Promise<string> {
  const { stdout, status } = await hosted([...words.split(' '), '--help'], { cwd: tmpdir() })
  expect(status).toBe(0)
  return stdout
}

/** What stands beside the flags of an option, in one line. */
function descriptionOf(help: string, flags: string): string {
  const [, after = ''] = help.split(`  ${flags} `)
  const [first = '', ...more] = after.split('\n')
  const end = more.findIndex((line) => !/^ {10,}\S/.test(line))
  return [first, ...more.slice(0, end)].map((line) => line.trim()).join(' ')
}

it.each(leaves)(
  'attestry %s --help marks what is required, and nothing else',
  async (words, options) => {
    const help = await helpOf(words)
    for (const { flags, mandatory, description } of options) {
      const shown = descriptionOf(help, flags)
      expect(shown).toContain(description)
      expect(shown.endsWith(' (required)'), `${flags} ${shown}`).toBe(mandatory)
    }
  },
)
