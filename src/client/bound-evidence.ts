/**
 * Evidence of where something was built, as a registry's look-ups answer it. Hints, like all rows: that
 * the evidence holds is proven by appraising it (`attestry appraise`), that it is in the log by its Receipt.
 */
import {
  failResponse,
  parseRow,
  readArray,
  readInteger,
  readObject,
  readText,
} from './statement-row.ts'
import type { JsonMembers, StatementRow } from './statement-row.ts'

/** A moment of the log. */
export interface HeadMoment {
  readonly treeSize: number
  /** Seconds since 1970. */
  readonly registeredAt?: number
}

/** A statement that says something else, and about what. */
export interface Contradiction extends StatementRow {
  readonly about: readonly string[]
}

export interface BoundEvidence extends StatementRow {
  readonly teeType?: string
  readonly debug?: boolean
  readonly tcbStatus?: string
  readonly advisories: readonly string[]
  /** `payload`, `build` or `key`. */
  readonly binding: string
  readonly buildIds: readonly string[]
  /** It was made after the first and before the second. */
  readonly bracket: { readonly after?: HeadMoment; readonly before: HeadMoment }
  /** Reference values that name something that was measured. */
  readonly references: readonly (StatementRow & { readonly measurements: readonly string[] })[]
  readonly contradictions: readonly Contradiction[]
  /** Results of appraising it again later, newest first. */
  readonly appraisals: readonly (StatementRow & {
    readonly tcbStatus?: string
    readonly result?: string
  })[]
}

/** The level of SLSA's Build Environment track, by the draft that is named. */
export interface BuildEnvironment {
  readonly draft: string
  readonly level: number
  readonly levels: readonly {
    readonly level: number
    readonly outcome: string
    readonly entries: readonly number[]
    readonly gaps: readonly string[]
  }[]
}

/** @throws InputError `ERR_RESPONSE`. */
export function parseBuildEnvironment(value: unknown): BuildEnvironment {
  const environment = readObject(value, 'buildEnvironment')
  return {
    draft: readText(environment['draft'], 'draft'),
    level: readInteger(environment['level'], 'level'),
    levels: readArray(environment['levels'], 'levels').map((one) => {
      const outcome = readObject(one, 'a level')
      return {
        level: readInteger(outcome['level'], 'level'),
        outcome: readText(outcome['outcome'], 'outcome'),
        entries: readArray(outcome['entries'], 'entries').map((entry) =>
          readInteger(entry, 'an entry'),
        ),
        gaps: texts(outcome['gaps'], 'gaps'),
      }
    }),
  }
}

/** @throws InputError `ERR_RESPONSE` for what is no such evidence. */
export function parseBoundEvidence(value: unknown): BoundEvidence {
  const evidence = readObject(value, 'evidence')
  const { debug } = evidence
  if (debug !== undefined && typeof debug !== 'boolean') failResponse('debug is not true or false')
  const bracket = readObject(evidence['bracket'], 'bracket')
  const { after } = bracket
  return {
    ...parseRow(value),
    ...optionalText(evidence, 'teeType'),
    ...(debug === undefined ? {} : { debug }),
    ...optionalText(evidence, 'tcbStatus'),
    advisories: texts(evidence['advisories'], 'advisories'),
    binding: readText(evidence['binding'], 'binding'),
    buildIds: texts(evidence['buildIds'] ?? [], 'buildIds'),
    bracket: {
      ...(after === undefined ? {} : { after: parseMoment(after) }),
      before: parseMoment(bracket['before']),
    },
    references: readArray(evidence['references'], 'references').map((one) => ({
      ...parseRow(one),
      measurements: texts(readObject(one, 'a reference')['measurements'], 'measurements'),
    })),
    contradictions: parseContradictions(evidence['contradictions']),
    appraisals: readArray(evidence['appraisals'] ?? [], 'appraisals').map((one) => {
      const said = readObject(one, 'an appraisal')
      return {
        ...parseRow(one),
        ...optionalText(said, 'tcbStatus'),
        ...optionalText(said, 'result'),
      }
    }),
  }
}

/** Contradictions of an answer; none where it has no such member. @throws InputError `ERR_RESPONSE`. */
export function parseContradictions(value: unknown): readonly Contradiction[] {
  return readArray(value ?? [], 'contradictions').map((one) => ({
    ...parseRow(one),
    about: texts(readObject(one, 'a contradiction')['about'], 'about'),
  }))
}

function parseMoment(value: unknown): HeadMoment {
  const moment = readObject(value, 'a head')
  const { registeredAt } = moment
  return {
    treeSize: readInteger(moment['treeSize'], 'treeSize'),
    ...(registeredAt === undefined
      ? {}
      : { registeredAt: readInteger(registeredAt, 'registeredAt') }),
  }
}

function optionalText<Name extends string>(
  members: JsonMembers,
  name: Name,
): Partial<Record<Name, string>> {
  if (members[name] === undefined) return {}
  return { [name]: readText(members[name], name) } as Partial<Record<Name, string>>
}

function texts(value: unknown, what: string): string[] {
  return readArray(value, what).map((item) => readText(item, what))
}
