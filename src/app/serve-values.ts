/** What a registry is told, by option; config-options.ts has the table of them. */

/** Each option, read and typed. */
export interface ServeValues {
  readonly data: string | undefined
  readonly store: string | undefined
  readonly guard: string | undefined
  readonly receiptKey: string | undefined
  readonly index: boolean
  readonly host: string
  readonly port: number
  readonly trustProxy: boolean
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  readonly tlsClientCa: string | undefined
  readonly adminHost: string
  readonly adminPort: number | undefined
  readonly accessLog: number
  readonly traces: boolean
  readonly auth: 'optional' | 'required'
  readonly oidcJwks: readonly string[]
  readonly ratePerClient: number | undefined
  readonly rateTotal: number
  readonly quotaPerSecond: number | undefined
  readonly quotaBytesPerDay: number | undefined
  readonly bodyBytesMax: number
  readonly payloadBytesMax: number
  readonly registrationsInFlightMax: number
  readonly connectionsMax: number
  readonly diskFloorBytes: number
  readonly answerWithinMs: number
  readonly drainMs: number
  readonly journalIntervalMs: number
  readonly scrubRateBytes: number
  readonly witnessPolicy: string | undefined
  readonly requireWitness: boolean
  readonly witnessIntervalMs: number
}

export type ServeKey = keyof ServeValues

/** Some values as they were given, by option: texts, or already typed. */
export type ServeFlags = Readonly<Partial<Record<ServeKey, unknown>>>
