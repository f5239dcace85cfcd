/**
 * What a trust anchor of the kind `attested-service` pins (ADR 0026): nobody's key, but whose hardware
 * and whose endorsement of a virtual machine's image make the key in an attested statement count.
 *
 *     {"kind": "attested-service", "issuers": ["did:attestedsvc:example::*"],
 *      "endorsers": [{"did": "did:x509:0:sha256:…", "feed": "ContainerPlat-AMD-UVM", "minSvn": 100}],
 *      "amdRoots": ["sha256:…"], "measurements": ["<96 hex>"], "hostData": ["<64 hex>"]}
 */
import type { JsonContext } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { InputError } from '../errors.ts'

/** Whose endorsements of images count. */
export interface ServiceEndorser {
  /** The whole did:x509, since its root certifies many others. */
  readonly did: string
  /** What it may endorse; anything when absent. */
  readonly feed?: string
  /** Lowest security version of the image. */
  readonly minSvn?: number
}

export interface AttestedService {
  readonly endorsers: readonly ServiceEndorser[]
  /** SHA-256 of the ARKs that count, lower-case hex; AMD's when absent. */
  readonly amdRoots?: readonly string[]
  /** Launch measurements that may sign, lower-case hex; any endorsed one when absent. */
  readonly measurements?: readonly string[]
  /**
   * Host data (the container policy's digest) that may sign. Where one image is endorsed for all customers
   * of a platform, nothing else tells their containers apart, so `any` has to be said.
   */
  readonly hostData: readonly string[] | 'any'
}

export const SERVICE_MEMBERS = ['endorsers', 'amdRoots', 'measurements', 'hostData'] as const

const LIST_MAX = 64
const ROOT = /^sha256:[0-9a-f]{64}$/
const MEASUREMENT = /^[0-9a-f]{96}$/
const HOST_DATA = /^[0-9a-f]{64}$/
const CONTEXT: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'an attested-service anchor' }

function fail(message: string): never {
  throw new InputError(CONTEXT.code, `${CONTEXT.what} ${message}`)
}

/** Reads the members. @throws InputError `ERR_TRUST_CONFIGURATION`. */
export function parseAttestedService(members: Readonly<Record<string, unknown>>): AttestedService {
  const { endorsers, amdRoots, measurements, hostData } = members
  const texts = (value: unknown, form: RegExp, name: string): readonly string[] =>
    nonEmpty(value, name).map((item) =>
      typeof item === 'string' && form.test(item)
        ? item
        : fail(`has a value in ${name} of another form`),
    )
  return {
    endorsers: nonEmpty(endorsers, 'endorsers').map(parseEndorser),
    ...(amdRoots === undefined
      ? {}
      : { amdRoots: texts(amdRoots, ROOT, 'amdRoots').map((pin) => pin.slice('sha256:'.length)) }),
    ...(measurements === undefined
      ? {}
      : { measurements: texts(measurements, MEASUREMENT, 'measurements') }),
    hostData: hostData === 'any' ? 'any' : texts(hostData, HOST_DATA, 'hostData'),
  }
}

function nonEmpty(value: unknown, name: string): readonly unknown[] {
  const list = readList(value, { ...CONTEXT, what: `${name} of ${CONTEXT.what}` })
  if (list.length === 0 || list.length > LIST_MAX) fail(`has 1 to ${LIST_MAX} ${name}`)
  return list
}

function parseEndorser(value: unknown): ServiceEndorser {
  const members = readMembers(value, { required: ['did'], optional: ['feed', 'minSvn'] }, CONTEXT)
  const { feed, minSvn } = members
  const did = readText(members['did'], CONTEXT)
  if (!did.startsWith('did:x509:')) fail('names an endorser that is no did:x509')
  const isSvn = typeof minSvn === 'number' && Number.isSafeInteger(minSvn) && minSvn >= 0
  if (minSvn !== undefined && !isSvn) fail('has a minSvn that is no number')
  return {
    did,
    ...(feed === undefined ? {} : { feed: readText(feed, CONTEXT) }),
    ...(minSvn === undefined ? {} : { minSvn: minSvn }),
  }
}

/** The members as JSON. */
export function attestedServiceJson(service: AttestedService): Readonly<Record<string, unknown>> {
  const { endorsers, amdRoots, measurements, hostData } = service
  return {
    endorsers,
    ...(amdRoots === undefined ? {} : { amdRoots: amdRoots.map((pin) => `sha256:${pin}`) }),
    ...(measurements === undefined ? {} : { measurements }),
    hostData,
  }
}
