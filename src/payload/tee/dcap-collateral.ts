/**
 * What Intel publishes about a platform, opened at one time (statements.md §5.1, steps 1 to 3): the PCK
 * chain, both revocation lists, TCB info and QE identity. All of it is demanded, each signature, window
 * and certificate is checked, and every certificate is held against the list of its issuer; what is
 * missing or does not hold is an error, never an assumption.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { RevocationList } from '../../x509/crl.ts'
import { equalNames } from '../../x509/name.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { readCertificates } from './certificate-chain.ts'
import type { CollateralBundle, ListPart } from './collateral-bundle.ts'
import { assertRole, demandChain, readChain, verifyP256 } from './dcap-certificates.ts'
import { openSignedJson } from './dcap-json.ts'
import { EvidenceError } from './evidence.ts'
import { PinnedRoot } from './pinned-root.ts'
import { readQeIdentity } from './qe-identity.ts'
import type { QeIdentity } from './qe-identity.ts'
import { hasPckChain } from './quote.ts'
import type { Quote } from './quote.ts'
import { assertNotRevoked } from './revocation.ts'
import { readTcbInfo } from './tcb-info.ts'
import type { TcbInfo } from './tcb-info.ts'

/** What is opened, when, and with what. */
export interface CollateralRequest {
  readonly quote: Quote
  readonly collateral: CollateralBundle
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
  /** SHA-256 of the roots that count, lower-case hex. */
  readonly roots: readonly string[]
}

/** Collateral that holds. */
export interface DcapCollateral {
  readonly pck: Certificate
  readonly tcbInfo: TcbInfo
  readonly qeIdentity: QeIdentity
  /** All of it holds at every time in [validFrom, validUntil]. */
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
}

/** Opens the collateral of one quote; holds what all its steps share. */
class CollateralOpener {
  readonly #request: CollateralRequest
  #root!: PinnedRoot
  #rootList!: RevocationList
  #lastSigner: { readonly signer: Certificate; readonly chain: readonly Certificate[] } | undefined

  constructor(request: CollateralRequest) {
    this.#request = request
  }

  async open(): Promise<DcapCollateral> {
    const { quote, collateral } = this.#request
    const known: Certificate[] = []
    const chainOf = (part: ListPart): Certificate[] | undefined => {
      const chain = readChain(collateral, part, known)
      known.push(...(chain ?? []))
      return chain
    }
    if (hasPckChain(quote)) known.push(...readCertificates(quote.certificationData))
    const pckChain = hasPckChain(quote)
      ? [...known]
      : demandChain(chainOf('intel-pck-chain'), 'the PCK certificate')
    const tcbChain = chainOf('intel-tcb-info-chain')
    const qeChain = chainOf('intel-qe-identity-chain') ?? tcbChain
    const crlChain = chainOf('intel-pck-crl-chain')
    this.#root = new PinnedRoot(known, this.#request)
    const [pck, pckCa] = await this.#pckPath(pckChain)
    await this.#revocation(pck, pckCa, crlChain)
    const tcbInfo = readTcbInfo(await this.#signedJson('tcb-info', tcbChain))
    this.#within(tcbInfo, 'tcb-info')
    const qeIdentity = readQeIdentity(await this.#signedJson('qe-identity', qeChain))
    this.#within(qeIdentity, 'qe-identity')
    const { validFrom, validUntil } = this.#root
    return { pck, tcbInfo, qeIdentity, validFrom, validUntil }
  }

  async #pckPath(chain: readonly Certificate[]): Promise<[Certificate, Certificate]> {
    const [pck, pckCa, root, ...more] = await this.#root.path(chain)
    if (pck === undefined || pckCa === undefined || root === undefined || more.length > 0) {
      throw new EvidenceError('certificate-role', 'a PCK chain has three certificates')
    }
    assertRole(pck, 'pck')
    assertRole(pckCa, 'pckCa')
    return [pck, pckCa]
  }

  async #revocation(
    pck: Certificate,
    pckCa: Certificate,
    crlChain: readonly Certificate[] | undefined,
  ): Promise<void> {
    const { collateral } = this.#request
    const { certificate } = this.#root
    this.#rootList = await this.#root.list(collateral['intel-root-crl'], certificate, 'root')
    assertNotRevoked(this.#rootList, certificate)
    assertNotRevoked(this.#rootList, pckCa)
    let issuer = pckCa
    if (crlChain !== undefined) {
      const [signer, root, ...more] = await this.#root.path(crlChain, 'crlSign')
      if (signer === undefined || root === undefined || more.length > 0) {
        throw new EvidenceError('certificate-role', 'a chain of the PCK CRL has two certificates')
      }
      if (!equalNames(signer.subject, pckCa.subject)) {
        throw new EvidenceError(
          'crl-issuer',
          'the PCK CRL is of another CA than the PCK certificate',
        )
      }
      assertNotRevoked(this.#rootList, signer)
      issuer = signer
    }
    assertNotRevoked(await this.#root.list(collateral['intel-pck-crl'], issuer, 'PCK'), pck)
  }

  /** The value of a signed document, once its signer and signature hold. */
  async #signedJson(
    kind: 'tcb-info' | 'qe-identity',
    chain: readonly Certificate[] | undefined,
  ): Promise<unknown> {
    const bytes = this.#request.collateral[`intel-${kind}`]
    if (bytes === undefined) throw new EvidenceError(`${kind}-missing`, `the ${kind} is missing`)
    const name = kind === 'tcb-info' ? 'tcbInfo' : 'enclaveIdentity'
    const document = openSignedJson(bytes, name, `${kind}-malformed`)
    const signer = await this.#signer(demandChain(chain, `the ${kind}`))
    if (!(await verifyP256(this.#request.verifier, signer, document))) {
      throw new EvidenceError(`${kind}-signature`, `the signature of the ${kind} does not verify`)
    }
    return document.value
  }

  /** Who signed a document, once the chain holds; both documents usually have the same signer. */
  async #signer(chain: readonly Certificate[]): Promise<Certificate> {
    const last = this.#lastSigner
    const isSame =
      chain.length === last?.chain.length && chain.every((one, i) => one === last.chain[i])
    if (last !== undefined && isSame) return last.signer
    const [signer, root, ...more] = await this.#root.path(chain)
    if (signer === undefined || root === undefined || more.length > 0) {
      throw new EvidenceError('certificate-role', 'a chain of signed JSON has two certificates')
    }
    assertRole(signer, 'tcbSigning')
    assertNotRevoked(this.#rootList, signer)
    this.#lastSigner = { signer, chain }
    return signer
  }

  #within(
    { issueDate, nextUpdate }: Pick<TcbInfo, 'issueDate' | 'nextUpdate'>,
    kind: 'tcb-info' | 'qe-identity',
  ): void {
    const { at } = this.#request
    if (at < issueDate)
      throw new EvidenceError(`${kind}-not-yet-valid`, `the ${kind} is from later`)
    if (at > nextUpdate) throw new EvidenceError(`${kind}-expired`, `the ${kind} has expired`)
    this.#root.narrow(issueDate, nextUpdate)
  }
}

/**
 * Opens all collateral of a quote at one time.
 * @throws EvidenceError
 */
export async function openDcapCollateral(request: CollateralRequest): Promise<DcapCollateral> {
  return new CollateralOpener(request).open()
}
