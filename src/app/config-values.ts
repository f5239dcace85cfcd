/**
 * How one value of the configuration is read, wherever it comes from: a flag and an environment
 * variable give texts, a file gives texts, numbers, truth values and lists. Each kind of option says
 * what is wrong in words that follow the place of the value: "--port is a whole number from …".
 */
import { StartError } from '../errors.ts'

/** An option of `attestry serve`: one name in the file, the environment and on the command line. */
export interface ConfigOption<Value> extends OptionKind<Value> {
  /** Heading of the help and of docs/configuration.md. */
  readonly group: string
}

/** The same before it stands under a heading. */
export interface OptionKind<Value> {
  readonly help: string
  /** What stands for the value in the help; switches have none. */
  readonly placeholder?: string
  /** The flag without dashes, where it is not the key in kebab-case. */
  readonly flag?: string
  /** What it is when nobody says anything. */
  readonly usual: Value
  /** The same in words, where the value itself does not say it. */
  readonly usualText?: string
  /** A path (or, in a list, `NAME=PATH`): relative to the file that names it. */
  readonly isPath?: true
  readonly isList?: true
  /** @throws StartError `ERR_CONFIGURATION` with what is wrong. */
  readonly read: (given: unknown) => Value
}

/** What an option is, beside its kind. */
export type OptionText = Omit<OptionKind<unknown>, 'usual' | 'read' | 'isList'>

/** Options under one heading. */
export function group<Values>(
  heading: string,
  options: { readonly [Key in keyof Values]: OptionKind<Values[Key]> },
): { readonly [Key in keyof Values]: ConfigOption<Values[Key]> } {
  const grouped = Object.entries<OptionKind<unknown>>(options).map(([key, option]) => [
    key,
    { ...option, group: heading },
  ])
  return Object.fromEntries(grouped) as { [Key in keyof Values]: ConfigOption<Values[Key]> }
}

/** A text; a number of the file counts as one. */
export function text<Usual extends string | undefined>(
  usual: Usual,
  about: OptionText,
): OptionKind<string | Usual> {
  return { ...about, usual, read: readText }
}

/** One of some words. */
export function choice<const Word extends string>(
  words: readonly Word[],
  usual: Word,
  about: OptionText,
): OptionKind<Word> {
  const read = (given: unknown): Word => {
    const word = words.find((one) => one === given)
    return word ?? refuse(`is ${words.join(' or ')}, not ${quote(given)}`)
  }
  return { ...about, placeholder: words.join('|'), usual, read }
}

/** `true` or `false`; on the command line the bare flag is `true`. */
export function toggle(about: OptionText): OptionKind<boolean> {
  const read = (given: unknown): boolean => {
    if (typeof given === 'boolean') return given
    return choice(['true', 'false'], 'false', about).read(given) === 'true'
  }
  return { ...about, usual: false, read }
}

/** `on` or `off`; YAML 1.1 has taught many to write truth values instead. */
export function onOff(usual: boolean, about: OptionText): OptionKind<boolean> {
  const read = (given: unknown): boolean => {
    if (typeof given === 'boolean') return given
    return choice(['on', 'off'], 'on', about).read(given) === 'on'
  }
  return { ...about, placeholder: 'on|off', usual, usualText: usual ? 'on' : 'off', read }
}

export interface NumberRule {
  readonly max: number
  readonly min?: number
  /** False: up to three decimals. */
  readonly whole?: boolean
}

/** A number in decimal digits. */
export function number<Usual extends number | undefined>(
  usual: Usual,
  { max, min = 1, whole = true }: NumberRule,
  about: OptionText,
): OptionKind<number | Usual> {
  const shape = whole ? /^[0-9]{1,15}$/ : /^[0-9]{1,15}(\.[0-9]{1,3})?$/
  const read = (given: unknown): number => {
    const isNumber = typeof given === 'number' || typeof given === 'string'
    const value = isNumber && shape.test(String(given)) ? Number(given) : Number.NaN
    if (value >= min && value <= max) return value
    return refuse(
      `is ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}, not ${quote(given)}`,
    )
  }
  return { placeholder: 'n', ...about, usual, read }
}

/** Texts: a flag is repeated, a file has a list, a variable separates them by commas. */
export function list(about: OptionText): OptionKind<readonly string[]> {
  const read = (given: unknown): readonly string[] => {
    if (Array.isArray(given)) return given.map((one: unknown) => readText(one))
    return readText(given)
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
  }
  return { ...about, isList: true, usual: [], read }
}

function readText(given: unknown): string {
  if (typeof given === 'string' && given !== '') return given
  return typeof given === 'number' ? String(given) : refuse(`is a text, not ${quote(given)}`)
}

function refuse(problem: string): never {
  throw new StartError('ERR_CONFIGURATION', problem)
}

function quote(given: unknown): string {
  const isPlain = given === null || ['string', 'number', 'boolean'].includes(typeof given)
  return isPlain ? `"${String(given)}"` : Array.isArray(given) ? 'a list' : 'a map'
}
