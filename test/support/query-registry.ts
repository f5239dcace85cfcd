/** A registry that answers look-ups, with a small supply chain in it, and a trust file that knows it. */
import { encodeTrustPolicy } from '../../src/verify/trust-policy.ts'
import type { TrustPolicy } from '../../src/verify/trust-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { indexLog } from './index-log.ts'
import { APPLICATION, LIBRARY, provenanceOf, summaryOf, unreadOf } from './in-toto-samples.ts'
import { ISSUER, LOG_ISSUER, LOG_ORIGIN, TestRegistry } from './test-registry.ts'

export class QueryRegistry {
  readonly service: TestRegistry
  readonly index: MemoryIndex
  readonly url: string

  private constructor(service: TestRegistry, index: MemoryIndex, url: string) {
    this.service = service
    this.index = index
    this.url = url
  }

  /** Entries 2 to 5: two provenances, a summary with an odd subject, and something that nobody reads. */
  static async create(): Promise<QueryRegistry> {
    const index = new MemoryIndex()
    const service = await TestRegistry.create({ index })
    const { url } = await service.listen()
    const registry = new QueryRegistry(service, index, url)
    await registry.register(provenanceOf([LIBRARY], []), LIBRARY.name)
    await registry.register(provenanceOf([APPLICATION], [LIBRARY], '2'), APPLICATION.name)
    await registry.register(summaryOf([LIBRARY]), 'about \u001b]0;the library')
    await registry.register(unreadOf([APPLICATION], 'other'), 'opinion')
    return registry
  }

  /** Registers and indexes a statement. */
  async register(payload: Uint8Array, subject: string): Promise<string> {
    const contentType = 'application/vnd.in-toto+json'
    const parts = { payload, subject, contentType, issuer: ISSUER, signer: this.service.signer }
    const { entryId } = await this.service.registry.register(await signStatement(parts))
    await indexLog(this.index, this.service)
    return entryId
  }

  /** The log pinned; with the issuer, unless only the log is to be known. */
  trust({ issuers = true } = {}): TrustPolicy {
    const { serviceSigner, signer } = this.service
    const keys = [{ ...serviceSigner.publicKey, algorithm: serviceSigner.algorithm }]
    const log = { issuer: LOG_ISSUER, origin: LOG_ORIGIN, keys }
    const anchor = { kind: 'cose-key' as const, key: signer.publicKey, issuers: [ISSUER] }
    return {
      version: 1,
      logs: [{ ...log, profile: 'attestry', leafRule: 'entry' }],
      issuers: issuers ? [anchor] : [],
    }
  }

  trustFile(options?: { readonly issuers: boolean }): Uint8Array {
    return encodeTrustPolicy(this.trust(options))
  }

  close(): Promise<void> {
    return this.service.close()
  }
}
