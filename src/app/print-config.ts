/**
 * `--print-config`: every option with its value and where the value comes from, as YAML that can be
 * used as a configuration file. Passwords inside URLs are masked.
 */
import { SERVE_KEYS, SERVE_OPTIONS, optionName } from './config-options.ts'
import type { GivenConfig } from './config-sources.ts'
import type { ServeKey } from './serve-values.ts'

/** One option as it is in force. */
export interface PrintedOption {
  readonly name: string
  /** Undefined where nothing was given and the default is not one value. */
  readonly value: unknown
  /** `default`, or the place that named it. */
  readonly from: string
  /** What the default means, where the value does not say it. */
  readonly note?: string
}

/** All options in the order of the help. What is given has been read without a problem before. */
export function describeConfig({ flags, places }: GivenConfig): readonly PrintedOption[] {
  return SERVE_KEYS.map((key) => describeOption(key, flags[key], places[key]))
}

function describeOption(key: ServeKey, given: unknown, place = 'default'): PrintedOption {
  const { usual, usualText, read } = SERVE_OPTIONS[key]
  const value = mask(given === undefined ? usual : read(given))
  const hasNote = given === undefined && usual === undefined && usualText !== undefined
  return { name: optionName(key), value, from: place, ...(hasNote ? { note: usualText } : {}) }
}

/** The same as YAML: an option without a value is a comment. */
export function printConfig(options: readonly PrintedOption[]): readonly string[] {
  return options.map(({ name, value, from, note }) =>
    value === undefined
      ? `# ${name}: ${note ?? 'not set'}`
      : `${name}: ${JSON.stringify(value)}  # ${from}`,
  )
}

function mask(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mask)
  if (typeof value !== 'string') return value
  const masked = value.replace(/(:\/\/[^/@:]*):[^/@]*@/g, '$1:***@')
  return masked.replace(/([?&]password=)[^&]*/g, '$1***')
}
