/**
 * Where the configuration comes from: one file, the environment, the command line. A flag wins over
 * a variable, a variable over the file, and the file over the default. What nobody knows is a
 * problem, with the name that was probably meant; all problems are told together.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { PayloadError } from '../errors.ts'
import { parseStrictYaml } from '../payload/strict-yaml.ts'
import { SERVE_KEYS, SERVE_OPTIONS, optionName, variableName } from './config-options.ts'
import { nearestName } from './nearest-name.ts'
import type { ServeFlags, ServeKey } from './serve-values.ts'

/** What was given, and where: `--port`, `ATTESTRY_PORT`, or `port in attestry.yaml`. */
export interface GivenConfig {
  readonly flags: ServeFlags
  readonly places: Readonly<Partial<Record<ServeKey, string>>>
  readonly problems: readonly string[]
}

export interface ConfigSources {
  /** What the command line says, by option. */
  readonly flags: ServeFlags
  /** `--config`; without it `ATTESTRY_CONFIG` is asked. */
  readonly file?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

const FILE_VARIABLE = 'ATTESTRY_CONFIG'

/** Gathers what the three sources say. Reads the file; never throws for what stands in it. */
export function gatherConfig({ flags, file, environment }: ConfigSources): GivenConfig {
  const problems: string[] = []
  const given: Partial<Record<ServeKey, unknown>> = {}
  const places: Partial<Record<ServeKey, string>> = {}
  const give = (key: ServeKey, value: unknown, place: string): void => {
    given[key] = value
    places[key] = place
  }
  const path = file ?? nonEmpty(environment[FILE_VARIABLE])
  if (path !== undefined) readConfigFile(path, { give, problems })
  readEnvironment(environment, { give, problems })
  for (const key of SERVE_KEYS) {
    if (flags[key] !== undefined) give(key, flags[key], `--${optionName(key)}`)
  }
  return { flags: given, places, problems }
}

interface Sink {
  readonly give: (key: ServeKey, value: unknown, place: string) => void
  readonly problems: string[]
}

function readConfigFile(path: string, { give, problems }: Sink): void {
  const keys = new Map(SERVE_KEYS.map((key) => [optionName(key), key]))
  for (const [name, value] of readMembers(path, problems)) {
    const key = keys.get(name)
    if (key === undefined) {
      problems.push(`${path}: there is no option "${name}"${suggestion(name, keys.keys())}`)
    } else if (value !== null)
      give(key, resolvePaths(key, value, dirname(path)), `${name} in ${path}`)
  }
}

function readMembers(path: string, problems: string[]): readonly [string, unknown][] {
  try {
    const value = parseStrictYaml(new Uint8Array(readFileSync(path)))
    if (value === null) return []
    if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value)
    problems.push(`${path}: expected a map of options`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'no such file' : (code ?? message)
    problems.push(`${path}: ${error instanceof PayloadError ? message : reason}`)
  }
  return []
}

/** Paths of a file are meant from where the file is; a URL is none. */
function resolvePaths(key: ServeKey, value: unknown, folder: string): unknown {
  const { isPath = false, isList = false } = SERVE_OPTIONS[key]
  if (!isPath) return value
  if (Array.isArray(value)) return value.map((one: unknown) => resolvePaths(key, one, folder))
  if (typeof value !== 'string') return value
  const at = isList ? value.indexOf('=') + 1 : 0
  const path = value.slice(at)
  return path.includes('://') ? value : value.slice(0, at) + resolve(folder, path)
}

/**
 * Variables that are no option are somebody else's business, unless they look like a slip of the
 * pen: orchestrators and scripts have variables of this prefix, too.
 */
function readEnvironment(
  environment: ConfigSources['environment'],
  { give, problems }: Sink,
): void {
  const keys = new Map(SERVE_KEYS.map((key) => [variableName(key), key]))
  const names = [...keys.keys(), FILE_VARIABLE]
  for (const [name, text] of Object.entries(environment)) {
    const value = nonEmpty(text)
    if (!name.startsWith('ATTESTRY_') || value === undefined || name === FILE_VARIABLE) continue
    const key = keys.get(name)
    if (key !== undefined) give(key, value, name)
    else if (nearestName(name, names) !== undefined) {
      problems.push(`${name} is no option of attestry${suggestion(name, names)}`)
    }
  }
}

function suggestion(name: string, names: Iterable<string>): string {
  const nearest = nearestName(name, names)
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}

/** An empty variable is none: that is how compose files say so. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
