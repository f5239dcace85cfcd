/**
 * Looks past a refused entry for the next change of the rules. Only on the way to reporting a fault:
 * an entry that fits rules which were not in force yet shows that they were applied too early.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { rulesAfter } from '../policy/rules-in-force.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { LogSource } from './log-source.ts'
import { changesRules } from './rules-history.ts'

/** How far ahead it looks. */
const ENTRIES_MAX = 65_536

export interface FindNextRulesOptions {
  readonly source: LogSource
  readonly sha256: Sha256
  readonly after: number
  readonly rules: Rules
  readonly tree: TreeHead
}

/** The rules after the next entry that changes them. */
export async function findNextRules(options: FindNextRulesOptions): Promise<Rules | undefined> {
  const { source, sha256, after, rules, tree } = options
  const end = Math.min(tree.treeSize, after + ENTRIES_MAX)
  for (let index = Math.floor((after + 1) / TILE_WIDTH); index * TILE_WIDTH < end; index++) {
    const start = index * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, tree.treeSize - start)
    const { entries } = await source.entries(index, width)
    for (const [offset, entry] of entries.entries()) {
      const leafIndex = start + offset
      if (leafIndex <= after) continue
      try {
        const statement = parseSignedStatement(entry, { sha256 })
        if (!changesRules(statement)) continue
        return rulesAfter(rules, { leafIndex, registrationTime: 0, statement })
      } catch (error) {
        // It is wrong itself, and comes later: not what is being reported.
        if (!(error instanceof InputError)) throw error
      }
    }
  }
  return undefined
}
