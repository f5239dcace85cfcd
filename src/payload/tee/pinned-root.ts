/**
 * The pinned root that Intel's collateral came with: paths that lead to it and lists that hold, and the
 * times at which all of them do.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { checkRevocationList } from '../../x509/check-crl.ts'
import type { RevocationList } from '../../x509/crl.ts'
import { equalNames } from '../../x509/name.ts'
import { fingerprint, validateVendorPath } from './certificate-chain.ts'
import type { VendorPathRequest } from './certificate-chain.ts'
import { EvidenceError } from './evidence.ts'
import { asEvidence, parseList } from './revocation.ts'

const MISSING =
  'the certificate of the root is missing: it ends each issuer chain of the Provisioning Certification Service'

type RootRequest = Omit<VendorPathRequest, 'chain' | 'leafUsage'>

export class PinnedRoot {
  readonly certificate: Certificate
  /** Everything so far holds at every time in [validFrom, validUntil]. */
  validFrom: UnixSeconds = 0
  validUntil: UnixSeconds = Number.MAX_SAFE_INTEGER
  readonly #request: RootRequest

  /** @throws EvidenceError `root` for another one in its place, `chain-missing` where there is none. */
  constructor(certificates: readonly Certificate[], request: RootRequest) {
    const found = certificates.find((one) => request.roots.includes(fingerprint(one)))
    if (found === undefined) {
      const isOther = certificates.some(({ issuer, subject }) => equalNames(issuer, subject))
      if (isOther) throw new EvidenceError('root', 'no certificate of a pinned root came along')
      throw new EvidenceError('chain-missing', MISSING)
    }
    this.certificate = found
    this.#request = request
  }

  /** The path from the leaf of `chain` to the root, which need not be in every chain. */
  async path(
    chain: readonly Certificate[],
    leafUsage?: 'crlSign',
  ): Promise<readonly Certificate[]> {
    const { at, verifier } = this.#request
    const { certificate } = this
    const root = fingerprint(certificate)
    const last = chain.at(-1)!
    const lacksRoot =
      equalNames(last.issuer, certificate.subject) && !equalNames(last.issuer, last.subject)
    const { path, validFrom, validUntil } = await validateVendorPath({
      at,
      verifier,
      chain: lacksRoot ? [...chain, certificate] : chain,
      roots: [root],
      leafUsage,
    })
    if (fingerprint(path.at(-1)!) !== root) {
      throw new EvidenceError('root', 'a chain goes on above the pinned root')
    }
    this.narrow(validFrom, validUntil)
    return path
  }

  /** A list of `issuer` that holds. */
  async list(
    der: Uint8Array | undefined,
    issuer: Certificate,
    name: string,
  ): Promise<RevocationList> {
    if (der === undefined) throw new EvidenceError('crl-missing', `the ${name} CRL is missing`)
    const { at, verifier } = this.#request
    const list = parseList(der)
    await asEvidence(() => checkRevocationList({ list, issuer, at, verifier }))
    this.narrow(list.thisUpdate, list.nextUpdate)
    return list
  }

  /** Takes in when something that counts beside them holds. */
  narrow(from: UnixSeconds, until: UnixSeconds): void {
    this.validFrom = Math.max(this.validFrom, from)
    this.validUntil = Math.min(this.validUntil, until)
  }
}
