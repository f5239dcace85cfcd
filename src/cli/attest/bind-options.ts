/** Options that say what evidence is bound to, and what they mean for a container and for report data. */
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { sha256 } from '../../bytes/digest.ts'
import { encodeCoseKey } from '../../cose/public-key.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { BindingType } from '../../payload/tee/bindings.ts'
import type { EvidenceBinding } from '../../payload/tee/container-binding.ts'
import { CliError } from '../cli-error.ts'
import { PAYLOAD_BYTES_MAX, nameOf, readInput } from '../files.ts'
import { readAnchor } from '../trust-file.ts'

export const BINDING_TYPES: readonly BindingType[] = ['key', 'payload', 'checkpoint', 'build']

export interface BindOptions {
  readonly payload?: string
  readonly boundKey?: string
  readonly buildId?: string
  readonly checkpoint?: string
}

/** Adds the options that both commands have. */
export function addBindOptions(command: Command): Command {
  return command
    .option('--payload <file>', 'payload: the file whose SHA-256 is bound')
    .option('--bound-key <file>', 'key, build: the bound public key, COSE_Key or PEM')
    .option('--build-id <id>', 'build: id of the build, as its provenance has it')
    .option('--checkpoint <note>', 'signed checkpoint that the nonce is made of')
}

/** A type of binding. */
export function parseBindingType(text: string): BindingType {
  const type = BINDING_TYPES.find((known) => known === text)
  if (type !== undefined) return type
  throw new InvalidArgumentError(`expected one of ${BINDING_TYPES.join(', ')}`)
}

/** A field of evidence. */
export function parsePlace(text: string): 'report-data' | 'nonce' {
  if (text === 'report-data' || text === 'nonce') return text
  throw new InvalidArgumentError('expected report-data or nonce')
}

/** First byte of a digest within a field. */
export function parseOffset(text: string): number {
  const offset = /^[0-9]{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(offset)) throw new InvalidArgumentError('expected a number of bytes, 0 to 999')
  return offset
}

/** @throws CliError `ERR_USAGE` unless the option was given. */
export function demand(value: string | undefined, option: string, type: BindingType): string {
  if (value !== undefined) return value
  throw new CliError('ERR_USAGE', `a binding of type ${type} needs ${option}`)
}

/** A public key from a file. @throws CliError `ERR_USAGE` for a certificate. */
export async function readBoundKey(path: string): Promise<PublicKey> {
  const anchor = await readAnchor(path)
  if (anchor.kind === 'cose-key') return anchor.key
  throw new CliError('ERR_USAGE', `${nameOf(path)} is a certificate; a binding names its key`)
}

export interface ContainerBindOptions extends BindOptions {
  readonly bind?: BindingType
  readonly place?: 'report-data' | 'nonce'
  readonly offset?: number
}

/**
 * The binding of a container; `undefined` where none is claimed.
 * @throws CliError `ERR_USAGE` for options that do not go together.
 */
export async function readBinding(
  options: ContainerBindOptions,
): Promise<EvidenceBinding | undefined> {
  const { bind: type, place, offset } = options
  if (type === undefined) {
    assertNoneGiven(options)
    return undefined
  }
  assertUsed(options, type)
  const at = {
    ...(place === undefined ? {} : { place }),
    ...(offset === undefined ? {} : { offset }),
  }
  const key =
    options.boundKey === undefined
      ? {}
      : { key: encodeCoseKey(await readBoundKey(options.boundKey)) }
  switch (type) {
    case 'key':
      return { type, ...at, ...key }
    case 'payload': {
      const path = demand(options.payload, '--payload FILE', type)
      return { type, ...at, payload: sha256(await readInput(path, PAYLOAD_BYTES_MAX)) }
    }
    case 'checkpoint':
      demand(options.checkpoint, '--checkpoint NOTE', type)
      return { type, ...at }
    case 'build':
      demand(options.checkpoint, '--checkpoint NOTE', type)
      return { type, ...at, buildId: demand(options.buildId, '--build-id ID', type), ...key }
  }
}

function assertNoneGiven(options: ContainerBindOptions): void {
  const names = ['payload', 'boundKey', 'buildId', 'checkpoint', 'place', 'offset'] as const
  if (names.every((name) => options[name] === undefined)) return
  throw new CliError('ERR_USAGE', `say what the evidence is bound by: --bind ${BINDING_TYPES.join('|')}`) // prettier-ignore
}

/** An option that takes no part would be taken for a check that was made. */
export function assertUsed(options: BindOptions, type: BindingType): void {
  const uses: Readonly<Record<keyof BindOptions, readonly BindingType[]>> = {
    payload: ['payload'],
    boundKey: ['key', 'build'],
    buildId: ['build'],
    checkpoint: BINDING_TYPES,
  }
  for (const name of Object.keys(uses) as (keyof BindOptions)[]) {
    if (options[name] === undefined || uses[name].includes(type)) continue
    const option = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new CliError('ERR_USAGE', `--${option} says nothing in a binding of type ${type}`)
  }
}
