/** Arm CCA tokens by a fake platform and realm. */
import { createHash } from 'node:crypto'
import { concatBytes } from '../../src/bytes/bytes.ts'
import type { CborMap, CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor, encodeHead } from '../../src/cbor/encode.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { signSign1 } from '../../src/cose/sign1.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { testSigner } from './test-signer.ts'

export interface CcaOptions {
  readonly platformSigner?: Signer
  readonly realmSigner?: Signer
  /** Key in the realm token, where it is not the realm signer's. */
  readonly realmKey?: Uint8Array
  readonly hash?: 'sha-256' | 'sha-512'
  readonly challenge?: Uint8Array
  readonly platform?: CborMap
  readonly realm?: CborMap
  readonly tag?: number
  readonly records?: boolean
}

export const CPAK: ReturnType<typeof testSigner> = testSigner('ES384')
export const RAK: ReturnType<typeof testSigner> = testSigner('ES384')

/** The raw point of a P-384 key, as older realms give it. */
export function rawPoint({ publicKey }: Signer): Uint8Array {
  return publicKey.spki.slice(-97)
}

function merged(
  claims: readonly [CborValue, CborValue][],
  changes: CborMap = new Map(),
): ReadonlyMap<CborValue, CborValue> {
  return new Map([...new Map([...claims, ...changes])].filter(([, value]) => value !== undefined))
}

/** A token; a claim of `undefined` is left out. */
export async function makeCcaToken(options: CcaOptions = {}): Promise<Uint8Array> {
  const { hash = 'sha-256', platformSigner = CPAK, realmSigner = RAK } = options
  const key = options.realmKey ?? encodeCoseKey(realmSigner.publicKey)
  const challenge =
    options.challenge ?? new Uint8Array(createHash(hash.replace('-', '')).update(key).digest())
  const component = new Map<CborValue, CborValue>([
    [1, 'RMM'],
    [2, new Uint8Array(32).fill(2)],
    [4, '1.0'],
    [5, new Uint8Array(32).fill(5)],
  ])
  const platform = merged(
    [
      [265, 'tag:arm.com,2023:cca_platform#1.0.0'],
      [10, challenge],
      [2396, new Uint8Array(32).fill(7)],
      [256, new Uint8Array(33).fill(1)],
      [2395, 0x3003],
      [2399, [component]],
      [2402, 'sha-256'],
    ],
    options.platform,
  )
  const zeros = new Uint8Array(32)
  const realm = merged(
    [
      [265, 'tag:arm.com,2023:realm#1.0.0'],
      [10, new Uint8Array(64).fill(9)],
      [44235, new Uint8Array(64)],
      [44237, key],
      [44238, new Uint8Array(32).fill(3)],
      [44239, [new Uint8Array(32).fill(4), zeros, zeros, zeros]],
      [44236, 'sha-256'],
      [44240, hash],
    ],
    options.realm,
  )
  const token = (claims: CborMap, signer: Signer): Promise<Uint8Array> =>
    signSign1({ protectedHeader: new Map(), payload: encodeCbor(claims), signer })
  const wrap = (bytes: Uint8Array): CborValue => (options.records === true ? [263, bytes] : bytes)
  const map = new Map<CborValue, CborValue>([
    [44234, wrap(await token(platform, platformSigner))],
    [44241, wrap(await token(realm, realmSigner))],
  ])
  return concatBytes(encodeHead(6, options.tag ?? 399), encodeCbor(map))
}
