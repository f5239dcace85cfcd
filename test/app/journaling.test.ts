/** A log whose policy does not name its registrar key: it is served, so that another policy can. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServiceEvent } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { loadSigner } from '../../src/keys/file-signer.ts'
import { REGISTRATION_POLICY_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodeRegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const running: RunningRegistry[] = []
const events: ServiceEvent[] = []
let logs = 0
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
  events.length = 0
})

async function create(): Promise<string> {
  const data = join(directory, `data-${logs++}`)
  const anchors = [{ kind: 'cose-key' as const, key: testSigner().publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  return data
}

async function start(data: string): Promise<RunningRegistry> {
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data, port: 0 }, { report }))
  running.push(registry)
  return registry
}

/** Registers a policy that names these registrars. */
async function setRegistrars(data: string, url: string, ...keys: PublicKey[]): Promise<void> {
  const operator = await loadSigner(join(data, 'keys', 'operator.pem'))
  const statement = await signStatement({
    payload: encodeRegistrationPolicy({
      ...{ version: 1, algorithms: ['ES256'], contentTypes: ['*'] },
      ...{ operatorKeys: [operator.publicKey], registrarKeys: keys },
    }),
    ...{ issuer: 'https://log.example.org', subject: 'urn:attestry:registration-policy' },
    ...{ contentType: REGISTRATION_POLICY_MEDIA_TYPE, signer: operator },
  })
  const headers = { 'Content-Type': 'application/cose' }
  const body = new Uint8Array(statement)
  expect((await fetch(`${url}/entries`, { method: 'POST', headers, body })).status).toBe(201)
}

const told = (name: string): number => events.filter(({ event }) => event === name).length

it('starts again where a policy left its registrar out, says so, and goes on once one names it', async () => {
  const data = await create()
  const own = (await loadSigner(join(data, 'keys', 'registrar.pem'))).publicKey
  const first = await start(data)
  await setRegistrars(data, first.url, testSigner().publicKey)
  await first.close()

  events.length = 0
  const second = await start(data)
  expect(told('journal-without-registrar')).toBe(1)
  await setRegistrars(data, second.url, own)
  await second.close()
  expect(told('journal')).toBe(1)

  events.length = 0
  await (await start(data)).close()
  expect(told('journal-without-registrar')).toBe(0)
})

it('does not start with a registrar key that no policy ever named', async () => {
  const data = await create()
  const pem = testSigner().privateKey.export({ format: 'pem', type: 'pkcs8' })
  writeFileSync(join(data, 'keys', 'registrar.pem'), pem, { mode: 0o600 })
  await expect(start(data)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
})
