/**
 * Whether a statement was signed by the key of a thumbprint. A key id in a header is a name that a signer
 * chose; here the signature is verified under the very key, which comes from the statement's certificate,
 * from a delegation, or from trust anchors that the log ever had: a key that lost its anchor still signed
 * what it signed.
 */
import { encodeHex } from '../bytes/hex.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import { publicKeyFromSpki } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { verifySign1 } from '../cose/sign1.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, VerificationError } from '../errors.ts'
import { parseTrustAnchorsDocument } from '../policy/registration-policy.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { RegistryPorts } from './ports.ts'

/** Keys that are remembered of all anchors that the log had; what follows is not known. */
const KEYS_MAX = 10_000

export class SigningKeys {
  readonly #ports: RegistryPorts
  /** Keys of anchors by thumbprint in hex. */
  readonly #keys = new Map<string, PublicKey>()
  /** Anchors below this index were read. */
  #next = 0
  #reading: Promise<void> = Promise.resolve()

  constructor(ports: RegistryPorts) {
    this.#ports = ports
  }

  /** True when the signature verifies under a key with this thumbprint (RFC 9679, hex). */
  async isSignedBy(statement: SignedStatement, thumbprint: string): Promise<boolean> {
    const { message, headers } = statement
    for (const key of await this.#candidates(statement, thumbprint)) {
      try {
        assertKeyFits(algorithmById(headers.algorithm), key)
        const { verifier } = this.#ports
        await verifySign1({ message, key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
        return true
      } catch (error) {
        if (!(error instanceof InputError || error instanceof VerificationError)) throw error
      }
    }
    return false
  }

  async #candidates({ headers }: SignedStatement, thumbprint: string): Promise<PublicKey[]> {
    const { x5chain, issuer, keyId } = headers
    const delegations =
      issuer === undefined || keyId === undefined
        ? []
        : this.#ports.rules().delegations.to(issuer, keyId)
    const [leaf] = x5chain ?? []
    const candidates = [
      ...(leaf === undefined ? [] : [certifiedKey(leaf)]),
      await this.#findAnchor(thumbprint),
      ...delegations.slice(0, 1).map(({ delegation }) => delegation.audience),
    ]
    return candidates.filter(
      (key): key is PublicKey => key !== undefined && encodeHex(keyThumbprint(key)) === thumbprint,
    )
  }

  async #findAnchor(thumbprint: string): Promise<PublicKey | undefined> {
    // One after the other, so that nobody looks while another is half through a document.
    const reading = this.#reading.catch(() => undefined).then(() => this.#readAnchors())
    this.#reading = reading
    await reading
    return this.#keys.get(thumbprint)
  }

  async #readAnchors(): Promise<void> {
    const { log, sha256 } = this.#ports
    for (const leafIndex of await log.listGovernance('trust-anchors', this.#next)) {
      const { message } = parseSignedStatement(await log.readEntry(leafIndex), { sha256 })
      for (const anchor of parseTrustAnchorsDocument(message.payload ?? new Uint8Array())) {
        if (anchor.kind !== 'cose-key' || this.#keys.size >= KEYS_MAX) continue
        this.#keys.set(encodeHex(keyThumbprint(anchor.key)), anchor.key)
      }
      this.#next = leafIndex + 1
    }
  }
}

function certifiedKey(leaf: Uint8Array): PublicKey | undefined {
  try {
    return publicKeyFromSpki(parseCertificate(leaf).spki.spki)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}
