/**
 * An honest log of a random shape: the real registry on memory stores, fed at random with statements,
 * submitters, content, rules that change and journals. Whatever it admits, it admitted rightly.
 */
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { PolicyError } from '../../src/errors.ts'
import { Follower } from '../../src/index/follow-log.ts'
import type { IndexWriter } from '../../src/log/index-store.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import {
  PAYLOAD_PRUNING_MEDIA_TYPE,
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { encodePayloadPruning } from '../../src/policy/payload-pruning.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import { findPreimage } from '../../src/registry/payloads.ts'
import type { Submitter } from '../../src/registry/ports.ts'
import {
  formatPayloadName,
  parsePayloadName,
  payloadNameOf,
} from '../../src/statement/payload-name.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { noteSigner } from '../support/note-keys.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { LOG_ISSUER, LOG_ORIGIN, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryMove } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'
import { CopiedLog } from './copied-log.ts'
import { PrunedStore } from './pruned-store.ts'
import type { PrunablePayloads } from './pruned-store.ts'
import { ANCHORS, pooled, TEE_EVIDENCE } from './random-statements.ts'
import type { Kind } from './random-statements.ts'
import { rememberingVerifier } from './remembering-verifier.ts'

export type Random = (n: number) => number

/** Seconds that entries may wait for their journal here; auditors let 300 pass. */
const WAIT_MAX = 180
const PAUSE = 60

/** Where a log is; by default in memory. */
export interface RandomLogPlaces extends TestRegistryMove {
  readonly payloads: PrunablePayloads
}

type ReadPreimage = Parameters<typeof Follower.open>[0]['readPreimage']

export class RandomLog {
  #service: TestRegistry
  readonly #random: Random
  readonly #registrars: readonly Signer[]
  #writers: readonly JournalWriter[] = []
  readonly #checkpoint: NoteSigner
  #payloads: PrunablePayloads
  readonly #first: number
  /** Its policies drop registrars and name them again all the time. */
  readonly #isRestless: boolean
  /** Registered, with their kinds. */
  readonly #used: { readonly kind: Kind; readonly number: number }[] = []
  readonly #absent: { readonly bytes: Uint8Array; readonly content: Uint8Array }[] = []
  readonly #admittedWith: Uint8Array[] = []
  readonly #collateral: Record<'teeCollateral' | 'teeCollateralEnvelope', number[]> = {
    teeCollateral: [],
    teeCollateralEnvelope: [],
  }
  readonly #delegations: Record<'delegation' | 'delegationByChain', number[]> = {
    delegation: [],
    delegationByChain: [],
  }
  readonly #storedNames: string[] = []
  #number: number
  #waited = 0
  readonly tally: Record<string, number> = {}
  /** What each statement was answered with. */
  readonly registered: { readonly statement: Uint8Array; readonly receipt: Uint8Array }[] = []

  private constructor(
    service: TestRegistry,
    parts: {
      random: Random
      registrars: readonly Signer[]
      checkpoint: NoteSigner
      payloads: PrunablePayloads
    },
  ) {
    this.#service = service
    this.#random = parts.random
    this.#registrars = parts.registrars
    this.#checkpoint = parts.checkpoint
    this.#payloads = parts.payloads
    this.#first = parts.random(500)
    this.#number = this.#first
    this.#isRestless = parts.random(3) === 0
  }

  static async create(random: Random, places: Partial<RandomLogPlaces> = {}): Promise<RandomLog> {
    const payloads = places.payloads ?? new PrunedStore()
    const checkpoint = noteSigner(LOG_ORIGIN)
    const service = await TestRegistry.create({
      ...places,
      ...{ startTime: TEST_NOW, anchors: ANCHORS, checkpointSigners: [checkpoint] },
      ...{ verifier: rememberingVerifier, payloads, answerWithinMs: 600_000 },
    })
    const registrars = [service.registrar, testSigner()]
    const log = new RandomLog(service, { random, registrars, checkpoint, payloads })
    await log.#openWriters()
    // Some begin without one, and some with none for long.
    if (random(4) === 0) await log.#changePolicy({ registrars: [] })
    return log
  }

  get service(): TestRegistry {
    return this.#service
  }

  /** Goes on in another place, which has the log already. */
  async move(places: RandomLogPlaces & Pick<TestRegistryMove, 'serviceSigner'>): Promise<void> {
    this.#service = await this.#service.move(places)
    this.#payloads = places.payloads
    await this.#openWriters()
  }

  async #openWriters(): Promise<void> {
    const ports = { ...this.#service.ports, log: this.#service.log }
    const opened = this.#registrars.map((signer) => JournalWriter.open({ ports, signer }))
    this.#writers = await Promise.all(opened)
  }

  get size(): number {
    return this.service.log.currentHead().treeHead.treeSize
  }

  get hasRegistrar(): boolean {
    return (this.service.ports.rules().policy.registrarKeys ?? []).length > 0
  }

  /** Goes on until the log has about so many entries. */
  async grow(size: number): Promise<void> {
    for (let step = 0; this.size < size && step < 400; step++) await this.#step(size - this.size)
  }

  /** Lets every entry be covered. */
  async settle(): Promise<void> {
    if (!this.hasRegistrar) await this.#changePolicy({ registrars: [0] })
    await this.journal()
  }

  async journal(): Promise<void> {
    for (const writer of this.#writers) {
      const { appended } = await writer.write()
      this.#count('journal', appended.length)
    }
    if (this.hasRegistrar) this.#waited = 0
  }

  #count(what: string, by = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + by
  }

  async #step(room: number): Promise<void> {
    const random = this.#random
    const which = random(100)
    if (this.#isRestless && random(5) === 0) await this.#dropRegistrar(room)
    else if (which < 12) await this.#tick(random(4) === 0 ? random(5000) : random(PAUSE))
    else if (which < 55)
      await this.#batch(1 + random(Math.max(1, Math.min(room, [1, 3, 20, 100, 300][random(5)]!))))
    else if (which < 62) await this.#changePolicy({})
    else if (which < 66) await this.#changeAnchors()
    else if (which < 71) await this.#delegate()
    else if (which < 77) await this.#evidence()
    else if (which < 81) await this.#storeLate()
    else if (which < 83) await this.#prune()
    else await this.journal()
  }

  /** Time passes; entries never wait too long. */
  async #tick(seconds: number): Promise<void> {
    if (this.hasRegistrar && this.#waited + Math.min(seconds, PAUSE) > WAIT_MAX)
      await this.journal()
    if (this.hasRegistrar) this.#waited += Math.min(seconds, PAUSE)
    this.service.clock.time += seconds
  }

  async #batch(count: number): Promise<void> {
    const random = this.#random
    await this.#tick(random(20))
    const kinds: readonly Kind[] = [
      ...['plain', 'plain', 'other', 'provenance', 'chain', 'delegated', 'delegatedByChain'],
      ...['envelope', 'envelope512', 'envelopeOfProvenance'],
    ] as Kind[]
    const some = Array.from({ length: 1 + random(4) }, () => kinds[random(kinds.length)]!)
    const [named, before] = [random(3), random(3)]
    const all = Array.from({ length: count }, async () => {
      const kind = some[random(some.length)]!
      const isAgain = this.#used.length > 0 && random(20) === 0
      const number = isAgain ? this.#used[random(this.#used.length)]!.number : this.#number++ % 4000
      await this.#register(kind, number, {
        isNamed: random(3) < named,
        isStored: random(3) < before,
      })
    })
    await Promise.all(all)
  }

  async #register(
    kind: Kind,
    number: number,
    { isNamed = true, isStored = false }: { isNamed?: boolean; isStored?: boolean } = {},
  ): Promise<boolean> {
    const { bytes, content } = await pooled(kind, number)
    if (isStored && content !== undefined) await this.#store(bytes, content)
    try {
      await this.#answered(bytes, isNamed ? this.#submitter(number) : undefined)
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
      this.#count(`${kind} refused`)
      return false
    }
    this.#count(kind)
    this.#used.push({ kind, number })
    if (content === undefined) return true
    if (isStored) this.#admittedWith.push(content)
    else this.#absent.push({ bytes, content })
    return true
  }

  async #answered(statement: Uint8Array, submitter?: Submitter): Promise<void> {
    const result = await this.service.registry.register(statement, submitter)
    if (result.status === 'registered') this.registered.push({ statement, receipt: result.receipt })
  }

  #submitter(number: number): Submitter {
    const issuer = 'https://token.example'
    const claims = { run_id: String(number % 7), repository: 'a/b' }
    if (number % 3 === 0) return { claims: { kind: 'api-token', issuer: LOG_ISSUER, claims } }
    const jwks = number % 2 === 0 ? {} : { jwks: encodeUtf8('{"keys":[]}') }
    return { claims: { kind: 'oidc', issuer, audience: 'log', claims }, ...jwks }
  }

  async #store(statement: Uint8Array, content: Uint8Array): Promise<void> {
    const name = payloadNameOf(parseSignedStatement(statement))!
    const storedAt = this.service.clock.time
    await this.#payloads.put({ name, sha256: sha256(content), bytes: content, storedAt })
    this.#storedNames.push(formatPayloadName(name), `sha256:${encodeHex(sha256(content))}`)
  }

  async #storeLate(): Promise<void> {
    for (let some = this.#random(5); some > 0 && this.#absent.length > 0; some--) {
      const [late] = this.#absent.splice(this.#random(this.#absent.length), 1)
      await this.#store(late!.bytes, late!.content)
      this.#count('stored late')
    }
  }

  /** Returns the entry's id. */
  async #govern(payload: Uint8Array, contentType: string, subject: string): Promise<Uint8Array> {
    const { clock, operator: signer } = this.service
    const by = { issuer: LOG_ISSUER, signer, issuedAt: clock.time }
    await this.#tick(1)
    const statement = await signStatement({ payload, contentType, subject, ...by })
    await this.#answered(statement)
    this.#count(contentType.replace('application/vnd.attestry.', ''))
    return sha256(parseSignedStatement(statement).entry)
  }

  async #changePolicy({ registrars }: { registrars?: readonly number[] }): Promise<void> {
    const random = this.#random
    const keep = registrars ?? [[0], [0], [1], [0, 1], []][random(5)]!
    const registrarKeys = keep.map((at) => this.#registrars[at]!.publicKey)
    const policy: RegistrationPolicy = {
      ...{ version: 1, algorithms: ['ES256', 'EdDSA'], contentTypes: ['*'] },
      operatorKeys: [this.service.operator.publicKey],
      ...(registrarKeys.length === 0 ? {} : { registrarKeys }),
      ...[{}, {}, { submitter: { required: false } }, { submitter: { required: true } }][
        random(4)
      ]!,
      ...[{}, { payloadValidator: 'attestry@1' as const }][random(2)]!,
      ...[{}, { delegation: { depthMax: 2 } }, { delegation: { depthMax: 1 } }][random(3)]!,
      ...[{}, { teeEvidence: TEE_EVIDENCE }][random(2)]!,
    }
    const wasRegistrar = this.hasRegistrar
    if (wasRegistrar && random(2) === 0) await this.journal()
    await this.#govern(
      encodeRegistrationPolicy(policy),
      REGISTRATION_POLICY_MEDIA_TYPE,
      'urn:attestry:registration-policy',
    )
    if (!this.hasRegistrar || !wasRegistrar) this.#waited = 0
    if (!this.hasRegistrar) this.#count('no registrar')
  }

  /** With entries that wait or without, for long or short, and for few entries or many blocks. */
  async #dropRegistrar(room: number): Promise<void> {
    const random = this.#random
    await this.#batch(1 + random(3))
    await this.#changePolicy({ registrars: [] })
    for (let some = random(4); some > 0; some--) {
      if (random(2) === 0) await this.#tick(random(1000))
      else await this.#batch(1 + random(Math.max(1, random(2) === 0 ? room : 3)))
    }
    if (random(4) > 0) await this.#changePolicy({ registrars: [random(2)] })
    this.#count('registrar dropped')
  }

  async #changeAnchors(): Promise<void> {
    const some = ANCHORS.filter(() => this.#random(4) > 0)
    const document = encodeTrustAnchorsDocument(some)
    await this.#govern(document, TRUST_ANCHORS_MEDIA_TYPE, 'urn:attestry:trust-anchors')
  }

  async #delegate(): Promise<void> {
    const kind = (['delegation', 'delegationByChain'] as const)[this.#random(2)]!
    const given = this.#delegations[kind]
    await this.#tick(1)
    if (this.#random(2) === 0 && given.length > 0) {
      const revocation = kind === 'delegation' ? 'revocation' : 'revocationByChain'
      await this.#register(revocation, given[this.#random(given.length)]!)
      return
    }
    const number = this.#random(50)
    if (await this.#register(kind, number)) given.push(number)
  }

  async #evidence(): Promise<void> {
    const random = this.#random
    await this.#tick(1)
    const kind = (['teeCollateral', 'teeCollateralEnvelope'] as const)[random(2)]!
    const registered = this.#collateral[kind]
    if (random(2) === 0) {
      const number = random(30)
      if (await this.#register(kind, number, { isStored: true })) registered.push(number)
    } else if (registered.length > 0) {
      const by = kind === 'teeCollateral' ? 'evidenceByEntry' : 'evidenceByEnvelope'
      await this.#register(by, registered[random(registered.length)]!)
    } else await this.#register('evidence', random(30))
  }

  async #prune(): Promise<void> {
    const content = this.#admittedWith[this.#random(this.#admittedWith.length)]
    if (content === undefined || content.length > 1000) return
    const name = `sha256:${encodeHex(sha256(content))}`
    const payload = encodePayloadPruning({ digest: name, reason: 'asked' })
    const entryId = await this.#govern(payload, PAYLOAD_PRUNING_MEDIA_TYPE, 'urn:attestry:pruning')
    await this.#payloads.prune(content, entryId)
  }

  /** Brings an index up to date, up to a size. */
  async follow(
    index: IndexWriter,
    upTo = this.size,
    readPreimage: ReadPreimage = (name) => findPreimage(name, this.service.ports.payloads!),
  ): Promise<void> {
    const follower = await Follower.open({
      ...{ log: this.service.store, index, sha256, verifier: rememberingVerifier },
      readCheckpointKeys: async () => [verifierKeyOf(this.#checkpoint, 'ed25519')],
      readPreimage,
    })
    follower.release(upTo)
    await follower.run()
    for (const name of this.#storedNames.splice(0))
      follower.payloadStored(formatPayloadName(parsePayloadName(name)))
    await follower.run()
  }

  /** The log as it is, to be exported at any of its heads. */
  async copy(): Promise<CopiedLog> {
    const { operator, registrar, serviceSigner: receipt, signer: issuer } = this.service
    const keys = { operator, registrar, receipt, checkpoint: this.#checkpoint, issuer }
    return CopiedLog.of(this.service, keys)
  }

  async close(): Promise<void> {
    await this.service.close()
  }
}
