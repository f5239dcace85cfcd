/**
 * The registration journal (D5): its ranges follow each other, it tells times and collateral as they
 * are stored, it goes on after a restart, and an auditor who has nothing but public bytes agrees.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { ENTRY_BYTES_MAX } from '../../src/log/limits.ts'
import type { EntryCollateral } from '../../src/log/store.ts'
import { REGISTRATION_JOURNAL_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import {
  encodeRegistrationJournal,
  parseRegistrationJournal,
} from '../../src/policy/registration-journal.ts'
import type { RegistrationJournal } from '../../src/policy/registration-journal.ts'
import { JournalDraft } from '../../src/registry/journal-draft.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import type { Submitter } from '../../src/registry/ports.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { LOG_ISSUER, LOG_ORIGIN, START_TIME, TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

const openWriter = ({ ports, log, registrar }: TestRegistry): Promise<JournalWriter> =>
  JournalWriter.open({ ports: { ...ports, log }, signer: registrar })

async function readJournal({ log }: TestRegistry, index: number): Promise<RegistrationJournal> {
  const { message } = parseSignedStatement(await log.readEntry(leafIndex(index)))
  return parseRegistrationJournal(message.payload!)
}

const submitter = (run: number): Submitter => ({
  claims: {
    kind: 'oidc',
    issuer: 'https://token.example',
    audience: 'attestry',
    claims: { run_id: String(run) },
  },
  jwks: encodeUtf8('{"keys":[]}'),
})

describe('a journal', () => {
  it('covers everything from the first entry on, in ranges that follow each other', async () => {
    const service = await TestRegistry.create()
    const writer = await openWriter(service)
    await service.registry.register(await service.statement(1))
    service.clock.time += 10
    await service.registry.register(await service.statement(2))
    expect(await writer.write()).toEqual({ appended: [4], isRegistrar: true })
    expect(await readJournal(service, 4)).toEqual({
      from: 0,
      to: 4,
      times: [
        { leafIndex: 0, registrationTime: START_TIME },
        { leafIndex: 3, registrationTime: START_TIME + 10 },
      ],
      collateral: [],
      submitters: [],
    })
    service.clock.time += 10
    await service.registry.register(await service.statement(3))
    expect((await writer.write()).appended).toEqual([6])
    expect(await readJournal(service, 6)).toMatchObject({ from: 4, to: 6 })
    await service.close()
  })

  it('is not needed by journals alone', async () => {
    const service = await TestRegistry.create()
    const writer = await openWriter(service)
    expect((await writer.write()).appended).toEqual([2])
    expect((await writer.write()).appended).toEqual([])
    await service.close()
  })

  it('goes on after a restart where the last one ended', async () => {
    const service = await TestRegistry.create()
    await (await openWriter(service)).write()
    const again = await openWriter(service)
    expect((await again.write()).appended).toEqual([])
    await service.registry.register(await service.statement(1))
    expect((await again.write()).appended).toEqual([4])
    expect(await readJournal(service, 4)).toMatchObject({ from: 2, to: 4 })
    await service.close()
  })

  it('is written once, though asked for twice at a time', async () => {
    const service = await TestRegistry.create()
    const writer = await openWriter(service)
    const [first, second] = await Promise.all([writer.write(), writer.write()])
    expect([first.appended, second.appended]).toEqual([[2], []])
    await service.close()
  })

  it('names the collateral and the submitter of entries that have any', async () => {
    const service = await TestRegistry.create()
    await service.registry.register(await service.statement(1))
    await service.registry.register(await service.statement(2), submitter(7))
    const writer = await openWriter(service)
    await writer.write()
    const { collateral, submitters } = await readJournal(service, 4)
    expect(collateral.map(({ leafIndex: index, kind }) => [index, kind])).toEqual([
      [3, 'jwks'],
      [3, 'submitter-claims'],
    ])
    expect(submitters).toEqual([{ leafIndex: 3, digest: collateral[1]!.digest }])
    await service.close()
  })

  it('is refused from anybody but the log itself, and while the policy names no registrar', async () => {
    const service = await TestRegistry.create()
    const payload = encodeRegistrationJournal({
      ...{ from: 0, to: 1, collateral: [], submitters: [] },
      times: [{ leafIndex: 0, registrationTime: 1 }],
    })
    const names = { issuer: LOG_ISSUER, subject: LOG_ORIGIN, signer: service.registrar }
    const posted = await service.statement(1, {
      ...{ ...names, payload },
      contentType: REGISTRATION_JOURNAL_MEDIA_TYPE,
    })
    await expect(service.registry.register(posted)).rejects.toMatchObject({ rule: 'governance' })
    await service.registry.register(
      await service.policyStatement({ registrarKeys: [testSigner().publicKey] }),
    )
    const writer = await openWriter(service)
    expect(await writer.write()).toEqual({ appended: [], isRegistrar: false })
    await service.close()
  })

  it('keeps an auditor content over policies, submitters and pauses', async () => {
    const service = await TestRegistry.create()
    const { url } = await service.listen()
    const writer = await openWriter(service)
    for (let round = 0; round < 12; round++) {
      service.clock.time += round % 4 === 0 ? 0 : 25
      const statements = await Promise.all(
        [0, 1, 2, 3].map((at) => service.statement(100 * round + at)),
      )
      await Promise.all(
        statements.map((one, at) =>
          service.registry.register(one, at === 0 ? submitter(round) : undefined),
        ),
      )
      if (round === 3) {
        const oidc = [{ issuer: 'https://token.example', audience: 'attestry' }]
        await service.registry.register(
          await service.policyStatement({ submitter: { required: false, oidc } }),
        )
      }
      if (round % 2 === 1) await writer.write()
    }
    const report = await auditRegistry(service, url)
    expect(report.waitingFrom).toBeUndefined()
    expect(report.counts).toMatchObject({ entries: 2 + 48 + 1 + 6, journals: 6 })
    await service.close()
  })
})

describe('the draft of a journal', () => {
  const piece = (index: number, kind: EntryCollateral['kind']): EntryCollateral => ({
    ...{ leafIndex: leafIndex(index), kind },
    digest: sha256(encodeUtf8(`${index} ${kind}`)),
  })
  const rows = (from: number, to: number): EntryCollateral[] =>
    Array.from({ length: to - from }, (_, at) => [
      piece(from + at, 'jwks'),
      piece(from + at, 'preimage'),
      piece(from + at, 'submitter-claims'),
      piece(from + at, 'x5chain'),
    ]).flat()

  it('is cut between entries before it grows too large, and nothing is lost or told twice', () => {
    const [first, last] = [2 ** 40, 2 ** 40 + 3000]
    const seen: EntryCollateral[] = []
    const drafts: RegistrationJournal[] = []
    for (let from = first; from < last;) {
      const draft = new JournalDraft(from)
      for (let at = from; at < last && !draft.isFull; at = draft.to) {
        const to = Math.min(last, at - (at % 100) + 100)
        draft.add({
          to,
          registrationTime: 2 ** 33 + Math.floor(at / 100),
          collateral: rows(at, to),
        })
      }
      const journal = draft.finish()
      drafts.push(journal)
      expect(encodeRegistrationJournal(journal).length).toBeLessThan(ENTRY_BYTES_MAX - 2048)
      expect(parseRegistrationJournal(encodeRegistrationJournal(journal))).toEqual(journal)
      expect(journal.from).toBe(from)
      seen.push(...(journal.collateral as unknown as EntryCollateral[]))
      from = journal.to
    }
    expect(drafts.length).toBeGreaterThan(10)
    expect(seen.map(({ leafIndex: index, kind }) => [index, kind])).toEqual(
      rows(first, last).map(({ leafIndex: index, kind }) => [index, kind]),
    )
  })

  it('is cut where it has too many times', () => {
    const draft = new JournalDraft(0, 2000)
    for (let size = 1; !draft.isFull; size++) {
      draft.add({ to: size, registrationTime: size, collateral: [] })
    }
    const journal = draft.finish()
    expect(journal.to).toBe(journal.times.length)
    expect(journal.to).toBeGreaterThan(10)
  })

  it('leaves a batch to the next one when it is cut at its first entry', () => {
    const draft = new JournalDraft(0, 700)
    draft.add({ to: 1, registrationTime: 5, collateral: rows(0, 1) })
    draft.add({ to: 3, registrationTime: 6, collateral: rows(1, 3) })
    const { to, times } = draft.finish()
    expect(to).toBe(1)
    expect(times).toEqual([{ leafIndex: 0, registrationTime: 5 }])
  })
})
