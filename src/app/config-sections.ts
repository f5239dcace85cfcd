/**
 * Options that belong together, read as what one part of a registry is given: where its log is, who
 * may register, how it is witnessed, where it listens for operators. Problems that several options
 * make together are found here.
 */
import { StartError } from '../errors.ts'
import { HTTP_LIMITS } from '../http/limits.ts'
import type { HttpLimits } from '../http/limits.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import { dataPaths, localPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import type { ServeKey, ServeValues } from './serve-values.ts'
import { LocationError } from './store-location.ts'
import type { TlsConfig } from './tls-files.ts'

/** The key set of an OIDC provider. */
export interface OidcKeyConfig {
  readonly issuer: string
  readonly path: string
}

/** Who may register. */
export interface SubmitterConfig {
  readonly required: boolean
  readonly oidcKeys: readonly OidcKeyConfig[]
}

/** How a log is witnessed. */
export interface WitnessingConfig {
  readonly policyPath: string
  readonly required: boolean
  readonly intervalMs: number
}

/** Where operators look; never the public address. */
export interface AdminConfig {
  readonly host: string
  readonly port: number
}

const READS_PER_REGISTRATION = 10
const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::', '*'])

/** Some options that belong together, and what is wrong with them. */
export interface Reading {
  readonly values: ServeValues
  /** Says what is wrong with an option, in words that follow its place. */
  readonly refuse: (key: ServeKey, problem: string) => void
}

/** Where the log is; what the directory itself remembers may be wrong, too. */
export function readPaths({ values, refuse }: Reading, problems: string[]): DataPaths {
  const { data = '', guard, store } = values
  try {
    return dataPaths(data, guard, store)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    if (!(error instanceof LocationError)) problems.push(error.message)
    else for (const { option, problem } of error.problems) refuse(option, problem)
    return localPaths(data)
  }
}

export function readSubmitters({ values, refuse }: Reading): SubmitterConfig {
  const oidcKeys = values.oidcJwks.map((text) => {
    const at = text.indexOf('=')
    const [issuer, path] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
    if (!issuer.startsWith('https://') || path === '') {
      refuse('oidcJwks', `is ISSUER=FILE with an https: issuer, not "${text}"`)
    }
    return { issuer, path }
  })
  if (new Set(oidcKeys.map(({ issuer }) => issuer)).size < oidcKeys.length) {
    refuse('oidcJwks', 'names an issuer twice')
  }
  return { required: values.auth === 'required', oidcKeys }
}

export function readReceiptKey({ values: { receiptKey }, refuse }: Reading): Pkcs11Uri | undefined {
  try {
    return receiptKey === undefined ? undefined : parsePkcs11Uri(receiptKey)
  } catch (error) {
    refuse('receiptKey', `names no key: ${(error as StartError).message}`)
    return undefined
  }
}

export function readWitnessing({ values, refuse }: Reading): WitnessingConfig | undefined {
  const { witnessPolicy, requireWitness, witnessIntervalMs: intervalMs } = values
  if (witnessPolicy !== undefined) {
    return { policyPath: witnessPolicy, required: requireWitness, intervalMs }
  }
  if (requireWitness) refuse('requireWitness', 'needs --witness-policy FILE')
  return undefined
}

/** What operators see is not for everybody: it never shares the public port. */
export function readAdmin({ values, refuse }: Reading): AdminConfig | undefined {
  const { adminHost, adminPort, host, port } = values
  if (adminPort === undefined) return undefined
  const isSameHost = adminHost === host || [adminHost, host].some((one) => ANY_HOST.has(one))
  if (adminPort === port && adminPort !== 0 && isSameHost) {
    refuse('adminPort', 'is the public port: choose another one')
  }
  return { host: adminHost, port: adminPort }
}

export function readTls({ values, refuse }: Reading): TlsConfig | undefined {
  const { tlsCert: certificate, tlsKey: key, tlsClientCa: clientCa } = values
  if (certificate !== undefined && key !== undefined) return { certificate, key, clientCa }
  if (certificate !== undefined) refuse('tlsCert', 'needs --tls-key FILE')
  if (key !== undefined) refuse('tlsKey', 'needs --tls-cert FILE')
  if (clientCa !== undefined) refuse('tlsClientCa', 'needs --tls-cert FILE and --tls-key FILE')
  return undefined
}

export function readLimits(values: ServeValues): HttpLimits {
  const usual = HTTP_LIMITS
  const { ratePerClient, rateTotal: total } = values
  const perClient = ratePerClient ?? usual.registrationRate.perClientPerSecond
  const loopbackIsExempt = ratePerClient === undefined
  return {
    ...usual,
    submitterQuota: { perSecond: values.quotaPerSecond, bytesPerDay: values.quotaBytesPerDay },
    bodyBytesMax: values.bodyBytesMax,
    payloadBytesMax: values.payloadBytesMax,
    registrationsInFlightMax: values.registrationsInFlightMax,
    connectionsMax: values.connectionsMax,
    registrationRate: { totalPerSecond: total, perClientPerSecond: perClient, loopbackIsExempt },
    readRate: {
      totalPerSecond: Math.max(usual.readRate.totalPerSecond, total),
      perClientPerSecond: perClient * READS_PER_REGISTRATION,
      loopbackIsExempt,
    },
    trustProxy: values.trustProxy,
  }
}
