/** Files that options of a registry name: read before anything is opened, and refused together. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import { startRegistry } from '../../src/app/start.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()

it('tells everything that is wrong with them at once, before it looks for the log', async () => {
  const at = (name: string): string => join(directory, name)
  mkdirSync(at('folder'))
  writeFileSync(at('policy.txt'), 'quorum x\n')
  const config = readConfig({
    data: at('no-log'),
    ...{ tlsCert: at('no.crt'), tlsKey: at('folder'), tlsClientCa: at('no.ca') },
    witnessPolicy: at('policy.txt'),
    oidcJwks: [`https://a.example=${at('a.json')}`, `https://b.example=${at('b.json')}`],
  })
  const starting = startRegistry(config)
  await expect(starting).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
  const error = await starting.catch((cause: unknown) => cause)
  expect((error as Error).message.split('; ')).toEqual([
    `--tls-cert ${at('no.crt')}: ENOENT`,
    `--tls-key ${at('folder')}: EISDIR`,
    `--tls-client-ca ${at('no.ca')}: ENOENT`,
    expect.stringContaining(`--witness-policy ${at('policy.txt')}: `),
    expect.stringContaining('the keys of https://a.example: ENOENT'),
    expect.stringContaining('the keys of https://b.example: ENOENT'),
  ])
})
