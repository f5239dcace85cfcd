/** Journals that are broken, while an entry waits for them: each is told for what it is, at once. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { REGISTRATION_JOURNAL_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodeRegistrationJournal } from '../../src/policy/registration-journal.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { testSigner } from '../support/test-signer.ts'
import { findFault } from './audit-fixture.ts'
import { LogForge, LOG_ISSUER, ORIGIN } from './log-forge.ts'

const content = encodeUtf8('{"a":1}')

/** Entry 2 waits for the journal in entry 4, whatever that is. */
async function waiting(): Promise<LogForge> {
  const forge = await LogForge.create()
  await forge.batch([await forge.statement('x', { payload: content, hash: 'SHA-256' })])
  forge.addCollateral(2, 'preimage', content)
  await forge.batch([await forge.statement('y')])
  return forge
}

async function byRegistrar(
  forge: LogForge,
  parts: Partial<SignStatementRequest>,
): Promise<Uint8Array> {
  return forge.statement(ORIGIN, {
    ...{ payload: encodeRegistrationJournal(forge.dueJournal()) },
    ...{ contentType: REGISTRATION_JOURNAL_MEDIA_TYPE, issuer: LOG_ISSUER },
    signer: forge.keys.registrar,
    ...parts,
  })
}

describe('a journal that is broken', () => {
  it.each<[string, number, (forge: LogForge) => Promise<Uint8Array>]>([
    ['does not parse', 16, (forge) => byRegistrar(forge, { payload: encodeUtf8('{}') })],
    [
      'has a range that leaves entries out',
      16,
      (forge) =>
        forge.journalStatement({
          ...forge.dueJournal(),
          from: 3,
          times: [{ leafIndex: 3, registrationTime: forge.time }],
        }),
    ],
    [
      'has a range that ends behind it',
      16,
      (forge) => forge.journalStatement({ ...forge.dueJournal(), to: 6 }),
    ],
    [
      'is signed by somebody else',
      14,
      (forge) => forge.journalStatement(forge.dueJournal(), testSigner()),
    ],
    [
      'has a signature that is not its own',
      13,
      async (forge) => {
        const bytes = await forge.journalStatement(forge.dueJournal())
        return bytes.with(-1, bytes.at(-1)! ^ 1)
      },
    ],
    [
      'is no statement',
      14,
      async (forge) => (await forge.journalStatement(forge.dueJournal())).with(0, 0xd3),
    ],
    [
      'has another media type',
      14,
      (forge) => byRegistrar(forge, { contentType: 'application/vnd.attestry.other+json' }),
    ],
  ])('%s', async (_, code, broken) => {
    const forge = await waiting()
    await forge.batch([await broken(forge)])
    expect(await findFault(forge)).toMatchObject({ code, leafIndex: 4 })
  })
})
