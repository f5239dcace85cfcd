/**
 * `node test/verify-package/make-vector.mjs` writes a Transparent Statement and the trust file that
 * goes with it to test/vectors/verify-package/. Made with node:crypto and cborg alone, so that what
 * verifies there was not made by the code that verifies it. Keys are new each time and thrown away.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encode, rfc8949EncodeOptions, Tagged } from 'cborg'

const folder = fileURLToPath(new URL('../vectors/verify-package/', import.meta.url))
const ES256 = -7
const issuer = 'https://issuer.example'
const log = { issuer: 'https://log.example', origin: 'log.example/2026' }
const registeredAt = 1_780_000_000

/** @param {unknown} value */
const cbor = (value) => encode(value, rfc8949EncodeOptions)

/** @param {readonly Uint8Array[]} parts */
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()

function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  /** @type {[number, unknown][]} */
  const required = [
    [1, 2],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ]
  // RFC 9679: the thumbprint covers the required parameters alone.
  const kid = sha256(cbor(new Map(required)))
  return { privateKey, kid, coseKey: cbor(new Map([...required, [2, kid], [3, ES256]])) }
}

/**
 * @param {{ key: ReturnType<typeof makeKey>, header: [number, unknown][], payload: Uint8Array }} message
 * @returns {{ protectedBytes: Uint8Array, signature: Uint8Array }}
 */
function signed({ key, header, payload }) {
  const protectedBytes = cbor(new Map([[1, ES256], [4, key.kid], ...header]))
  const toBeSigned = cbor(['Signature1', protectedBytes, new Uint8Array(), payload])
  const signature = sign('sha256', toBeSigned, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return { protectedBytes, signature }
}

/**
 * @param {ReturnType<typeof signed>} message
 * @param {Map<number, unknown>} unprotected
 * @param {Uint8Array | null} payload
 */
const sign1 = ({ protectedBytes, signature }, unprotected, payload) =>
  cbor(new Tagged(18, [protectedBytes, unprotected, payload, signature]))

const issuerKey = makeKey()
const logKey = makeKey()

const payload = Buffer.from('{"note":"stored for the test of the verify package"}')
const claims = new Map([
  [1, issuer],
  [2, 'pkg:generic/example@1.0.0'],
])
const statement = signed({
  key: issuerKey,
  header: [
    [3, 'application/json'],
    [15, claims],
  ],
  payload,
})
const entry = sign1(statement, new Map(), payload)

// RFC 9162 §2.1: three leaves, ours is the last, so its path is the node over the first two.
const leaf = (/** @type {Uint8Array} */ data) => sha256(Uint8Array.of(0), data)
const node = (/** @type {Uint8Array} */ left, /** @type {Uint8Array} */ right) =>
  sha256(Uint8Array.of(1), left, right)
const others = node(leaf(Buffer.from('policy')), leaf(Buffer.from('anchors')))
const root = node(others, leaf(entry))

/** @type {[number, unknown][]} */
const headClaims = [
  [1, log.issuer],
  [2, log.origin],
  [6, registeredAt],
  [-65537, 3],
]
const head = signed({
  key: logKey,
  header: [
    [15, new Map(headClaims)],
    [395, 1],
  ],
  payload: root,
})
const receipt = sign1(head, new Map([[396, new Map([[-1, [cbor([3, 2, [others]])]]])]]), null)
const transparent = sign1(statement, new Map([[394, [receipt]]]), payload)

const trust = {
  version: 1,
  logs: [
    { ...log, profile: 'attestry', keys: [Buffer.from(logKey.coseKey).toString('base64url')] },
  ],
  issuers: [
    {
      kind: 'cose-key',
      coseKey: Buffer.from(issuerKey.coseKey).toString('base64url'),
      issuers: [issuer],
    },
  ],
}

mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}statement.transparent.cose`, transparent)
writeFileSync(`${folder}trust.json`, `${JSON.stringify(trust, null, 2)}\n`)
