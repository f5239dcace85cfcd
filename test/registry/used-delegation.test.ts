/** Entries by keys that hold a delegation, as they are shown: by which, and whether it was revoked since (R7). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  DELEGATION_MEDIA_TYPE,
  DELEGATION_REVOCATION_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { encodeDelegation, encodeDelegationRevocation } from '../../src/policy/delegation.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { indexLog } from '../support/index-log.ts'
import { LIBRARY, provenanceOf } from '../support/in-toto-samples.ts'
import { START_TIME, TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

const farm = testSigner()
const agent = testSigner()
let service: TestRegistry
let index: MemoryIndex
let url: string
beforeEach(async () => {
  index = new MemoryIndex()
  service = await TestRegistry.create({ index })
  url = (await service.listen()).url
  await register(await service.policyStatement({ delegation: { depthMax: 3 } }))
})
afterEach(() => service.close())

type Options = Parameters<TestRegistry['statement']>[1]

async function register(bytes: Uint8Array): Promise<string> {
  service.clock.time += 60
  return (await service.registry.register(bytes)).entryId
}

let statements = 0
const state = async (options: Options = {}): Promise<string> =>
  register(await service.statement(statements++, options))

const delegate = (to: typeof farm, options: Options = {}, parent?: string): Promise<string> =>
  state({
    contentType: DELEGATION_MEDIA_TYPE,
    payload: encodeDelegation({
      ...{ audience: to.publicKey, subjects: ['*'], predicateTypes: ['*'] },
      ...{ notBefore: 0, expires: START_TIME + 86_400 },
      ...(parent === undefined ? {} : { parent }),
    }),
    ...options,
  })
const revoke = (delegation: string): Promise<string> =>
  state({
    contentType: DELEGATION_REVOCATION_MEDIA_TYPE,
    payload: encodeDelegationRevocation(delegation),
  })

interface View {
  readonly index: number
  readonly delegatedBy?: readonly string[]
  readonly registrationLag?: number
  readonly findings: readonly { readonly code: string; readonly message: string }[]
}

async function view(entryId: string): Promise<View> {
  await indexLog(index, service)
  const response = await fetch(`${url}/statements/${entryId}`)
  expect(response.status).toBe(200)
  return (await response.json()) as View
}

const revocations = ({ findings }: View): string[] =>
  findings.filter(({ code }) => code === 'delegation-revoked').map(({ message }) => message)

describe('an entry by a key that holds a delegation', () => {
  it('names it, and stays and is flagged once that is revoked', async () => {
    const delegation = await delegate(farm)
    const [own, passed] = [await state(), await state({ signer: farm })]
    expect((await view(passed)).delegatedBy).toEqual([delegation])
    expect(revocations(await view(passed))).toEqual([])
    expect((await view(own)).delegatedBy).toBeUndefined()

    const { index: by } = await view(await revoke(delegation))
    const stays = 'what was registered before stays'
    expect(await view(passed)).toMatchObject({ delegatedBy: [delegation] })
    expect(revocations(await view(passed))).toEqual([
      `the delegation ${delegation}, by which it was admitted, was revoked by entry ${by}: ${stays}`,
    ])
    expect(revocations(await view(delegation))).toEqual([`it was revoked by entry ${by}: ${stays}`])
    expect(revocations(await view(own))).toEqual([])
    await expect(state({ signer: farm })).rejects.toMatchObject({ rule: 'delegation-revoked' })
  })

  it('is flagged for the one in the middle of its chain, and names the one of its own time', async () => {
    const first = await delegate(farm)
    const second = await delegate(agent, { signer: farm }, first)
    const entry = await state({ signer: agent })
    expect((await view(entry)).delegatedBy).toEqual([first, second])
    await revoke(first)
    const again = await delegate(agent)
    const later = await state({ signer: agent })
    expect((await view(entry)).delegatedBy).toEqual([first, second])
    expect(revocations(await view(entry))).toHaveLength(1)
    expect(revocations(await view(second))).toHaveLength(1)
    expect(await view(later)).toMatchObject({ delegatedBy: [again], findings: [] })
  })

  it('is as it was where the policy or the anchors changed since', async () => {
    const delegation = await delegate(farm)
    const entry = await state({ signer: farm })
    await register(await service.policyStatement({}, service.clock.time))
    expect((await view(entry)).delegatedBy).toEqual([delegation])
  })
})

describe('the registration lag (R8)', () => {
  it('is shown where a provenance says when the build finished, and only there', async () => {
    const provenance = JSON.parse(new TextDecoder().decode(provenanceOf([LIBRARY], []))) as {
      predicate: { runDetails: { metadata?: object } }
    }
    const finishedOn = new Date((service.clock.time - 120) * 1000).toISOString()
    provenance.predicate.runDetails.metadata = { finishedOn }
    const payload = new TextEncoder().encode(JSON.stringify(provenance))
    const entry = await state({ payload, contentType: 'application/vnd.in-toto+json' })
    expect((await view(entry)).registrationLag).toBe(180)
    expect((await view(await state())).registrationLag).toBeUndefined()
  })
})
