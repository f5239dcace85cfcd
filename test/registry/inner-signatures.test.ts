/**
 * Wrapped bundles and envelopes through the real server: under a policy that names roots and keys,
 * what verifies is registered and found by its inner identity, and what does not is refused by the
 * rule `inner-signature`. Without such a policy everything is registered.
 */
import { sign } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { PolicyError, UnavailableError } from '../../src/errors.ts'
import { describeStatement } from '../../src/payload/describe-statement.ts'
import { preAuthEncoding } from '../../src/payload/verify-dsse.ts'
import { decide } from '../../src/policy/decide.ts'
import type { InnerAnchors } from '../../src/policy/inner-anchors.ts'
import { innerCheck } from '../../src/policy/inner-signatures.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors } from '../support/vectors.ts'
import { alter, flip, innerAnchors, readSamples } from '../sigstore/samples.ts'

const samples = hasVectors ? readSamples() : []
const NONE: InnerAnchors = { sigstoreRoots: [], dsseKeys: [] }
const refusedBy = (rule: string) => ({ name: 'PolicyError', rule })

describe('a statement that wraps', () => {
  let service: TestRegistry
  beforeEach(async () => {
    service = await TestRegistry.create()
  })
  afterEach(() => service.close())

  /** Puts roots and keys, and a policy, in force. */
  async function demand(inner: InnerAnchors, change: Partial<RegistrationPolicy>): Promise<void> {
    await service.registry.register(await service.anchorsStatement(inner))
    await service.registry.register(await service.policyStatement(change))
  }
  const register = async (payload: Uint8Array, contentType: string) =>
    service.registry.register(await service.statement(1, { payload, contentType }))
  const named = (inner: InnerAnchors) => ({
    sigstoreRoots: inner.sigstoreRoots.map(({ digest }) => digest),
  })

  describe.skipIf(!hasVectors)('a Sigstore bundle', () => {
    it.each(samples)('is registered over HTTP once it verifies: $name', async (sample) => {
      const inner = innerAnchors()
      // In the past of the log's clock, to show that only the bundle's own time counts.
      expect(sample.at).toBeLessThan(service.clock.time)
      await demand(inner, named(inner))
      const { url } = await service.listen()
      const { bytes: payload, mediaType: contentType } = sample
      const body = await service.statement(1, { payload, contentType })
      const headers = { 'content-type': 'application/cose' }
      const response = await fetch(`${url}/entries`, {
        method: 'POST',
        headers,
        body: Buffer.from(body),
      })
      expect(response.status).toBe(201)
      const statement = parseSignedStatement(await service.log.readEntry(leafIndex(4)))
      expect(statement.message.payload).toEqual(payload)
      const { attributes, kind, findings } = describeStatement({ statement })
      const { name, value } =
        sample.identity === undefined
          ? { name: 'inner-key', value: sample.key }
          : { name: 'inner-identity', value: sample.identity }
      expect(attributes).toContainEqual({ name, value })
      expect(kind).toBe(sample.key === undefined ? 'provenance' : 'publish')
      expect(findings).toEqual([])
      expect(innerCheck(service.ports.rules().policy, statement)).toBe('checked')
    })

    it.each(samples)('is refused when its signature is another: $name', async (sample) => {
      const inner = innerAnchors()
      await demand(inner, named(inner))
      const broken = alter(sample.bytes, ({ dsseEnvelope }) => {
        const [signature] = dsseEnvelope.signatures
        signature!.sig = flip(signature!.sig, -1)
      })
      await expect(register(broken, sample.mediaType)).rejects.toMatchObject(
        refusedBy('inner-signature'),
      )
      // The same under a type that hides it from nobody.
      await expect(register(broken, 'application/json')).rejects.toMatchObject(
        refusedBy('inner-signature'),
      )
      expect(service.refusals.map(({ rule }) => rule)).toEqual([
        'inner-signature',
        'inner-signature',
      ])
    })

    it('is refused when the anchors hold no root that the policy names', async () => {
      const [sample] = samples
      await demand(NONE, named(innerAnchors()))
      await expect(register(sample!.bytes, sample!.mediaType)).rejects.toMatchObject({
        ...refusedBy('inner-signature'),
        message: expect.stringContaining('none of the Sigstore roots') as string,
      })
    })

    it('is refused as a hash envelope, whose content cannot be verified', async () => {
      const [sample] = samples
      const inner = innerAnchors()
      await demand(inner, named(inner))
      const { bytes: payload, mediaType: contentType } = sample!
      const envelope = await service.statement(1, { payload, contentType, hash: 'SHA-256' })
      await expect(service.registry.register(envelope)).rejects.toMatchObject(
        refusedBy('inner-signature'),
      )
    })

    it('is verified as the content of a hash envelope, when that is at hand', async () => {
      const { bytes: payload, mediaType: contentType } = samples[0]!
      const inner = innerAnchors()
      await demand(inner, named(inner))
      const bytes = await service.statement(1, { payload, contentType, hash: 'SHA-256' })
      const { verifier, bundles, clock } = service.ports
      const decideWith = (preimage: Uint8Array) =>
        decide({
          ...service.ports.rules(),
          ...{ statement: parseSignedStatement(bytes), verifier, registrationTime: clock.now() },
          ...{ collateral: { preimage }, bundles: bundles! },
        })
      expect(await decideWith(payload)).toMatchObject({ kind: 'accept' })
      const broken = alter(payload, ({ dsseEnvelope }) => {
        dsseEnvelope.payloadType = 'application/vnd.in-toto+jsom'
      })
      expect(await decideWith(broken)).toMatchObject({ rule: 'inner-signature' })
    })

    it('is not called checked when it came later as the content of something else', async () => {
      const { bytes: payload, mediaType } = samples[0]!
      const inner = innerAnchors()
      await demand(inner, named(inner))
      const { policy } = service.ports.rules()
      const hidden = { payload, contentType: 'application/json', hash: 'SHA-256' as const }
      await service.registry.register(await service.statement(1, hidden))
      const statement = parseSignedStatement(await service.log.readEntry(leafIndex(4)))
      expect(describeStatement({ statement, preimage: payload }).attributes).toContainEqual({
        name: 'inner-identity',
        value: samples[0]!.identity,
      })
      expect(innerCheck(policy, statement, payload)).toBe('not-checked')
      // One that says what it is cannot be there unless its content was verified.
      const declared = parseSignedStatement(
        await service.statement(2, { ...hidden, contentType: mediaType }),
      )
      expect(innerCheck(policy, declared, payload)).toBe('checked')
    })

    it('is verified in every line of JSON lines', async () => {
      const [one, , two] = samples
      const inner = innerAnchors()
      await demand(inner, named(inner))
      const lines = (...parts: Uint8Array[]) =>
        encodeUtf8(parts.map((part) => new TextDecoder().decode(part)).join('\n'))
      const broken = alter(two!.bytes, ({ dsseEnvelope }) => {
        dsseEnvelope.payload = flip(dsseEnvelope.payload, 9)
      })
      const type = 'application/vnd.in-toto.bundle'
      await register(lines(one!.bytes, two!.bytes), type)
      await expect(register(lines(one!.bytes, broken), type)).rejects.toBeInstanceOf(PolicyError)
    })

    it('is registered unverified where no policy asks', async () => {
      const [sample] = samples
      const broken = alter(sample!.bytes, ({ dsseEnvelope }) => {
        dsseEnvelope.signatures[0]!.sig = flip(dsseEnvelope.signatures[0]!.sig, -1)
      })
      await register(broken, sample!.mediaType)
      const statement = parseSignedStatement(await service.log.readEntry(leafIndex(2)))
      expect(innerCheck(service.ports.rules().policy, statement)).toBe('not-checked')
    })

    it('is asked for again when too many wait', async () => {
      await service.close()
      service = await TestRegistry.create({
        bundles: {
          verify: () => Promise.reject(new UnavailableError('ERR_QUEUE_FULL', 'too many')),
        },
      })
      const [sample] = samples
      const inner = innerAnchors()
      await demand(inner, named(inner))
      await expect(register(sample!.bytes, sample!.mediaType)).rejects.toMatchObject({
        code: 'ERR_QUEUE_FULL',
      })
      expect(service.refusals).toEqual([])
    })
  })

  describe('a DSSE envelope', () => {
    const signer = testSigner()
    const type = 'application/vnd.in-toto+dsse'
    const payloadType = 'application/vnd.in-toto+json'
    const payload = encodeUtf8(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: 'a', digest: { sha256: 'ab'.repeat(32) } }],
        predicateType: 'https://example.com/any/v1',
        predicate: {},
      }),
    )
    const envelope = (by = signer, keyid?: string): Uint8Array => {
      const sig = sign('sha256', preAuthEncoding(payloadType, payload), by.privateKey)
      const signatures = [
        { sig: sig.toString('base64'), ...(keyid === undefined ? {} : { keyid }) },
      ]
      const text = Buffer.from(payload).toString('base64')
      return encodeUtf8(JSON.stringify({ payload: text, payloadType, signatures }))
    }
    const keys = (times: { validFrom?: number; validUntil?: number } = {}): InnerAnchors => ({
      sigstoreRoots: [],
      dsseKeys: [{ key: signer.publicKey, keyid: 'ci', ...times }],
    })

    it('is registered when a known key signed it', async () => {
      await demand(keys(), { dsse: 'required' })
      await register(envelope(signer, 'ci'), type)
      const statement = parseSignedStatement(await service.log.readEntry(leafIndex(4)))
      const { kind, attributes, digests } = describeStatement({ statement })
      expect(kind).toBe('in-toto')
      expect(attributes).toContainEqual({ name: 'inner-key', value: 'ci' })
      expect(digests).toContainEqual({
        role: 'subject',
        algorithm: 'sha256',
        value: 'ab'.repeat(32),
      })
      expect(innerCheck({ dsse: 'required' }, statement)).toBe('checked')
      // What a policy says about bundles says nothing about bare envelopes.
      expect(innerCheck({ sigstoreRoots: ['x'] }, statement)).toBe('not-checked')
    })

    it('is refused when another key signed it, or one that goes by another name', async () => {
      await demand(keys(), { dsse: 'required' })
      for (const other of [envelope(testSigner(), 'ci'), envelope(signer, 'other')]) {
        await expect(register(other, type)).rejects.toMatchObject(refusedBy('inner-signature'))
      }
    })

    it('is refused outside of the times of its key, and stands as long as the key does', async () => {
      const { time } = service.clock
      await demand(keys({ validFrom: time + 10, validUntil: time + 20 }), { dsse: 'required' })
      await expect(register(envelope(), type)).rejects.toMatchObject(refusedBy('inner-signature'))
      service.clock.time = time + 20
      await register(envelope(), type)
      service.clock.time = time + 21
      await expect(register(envelope(signer, 'ci'), type)).rejects.toMatchObject(
        refusedBy('inner-signature'),
      )
    })
  })
})
