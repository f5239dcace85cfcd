/** Whole sessions against golden transcripts; they are also the documentation's examples. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attestry, shell, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'
import { patternOf, readTranscript } from './transcript.ts'

async function play(name: string, cwd: string, env: Record<string, string>): Promise<void> {
  for (const { command, expected, status } of readTranscript(name)) {
    const result = await shell(`{ ${command}\n} 2>&1`, { cwd, env })
    expect(result.stdout.trim(), `$ ${command}`).toMatch(patternOf(expected))
    expect(result.status, `$ ${command}`).toBe(status)
  }
}

it('create-a-log.txt', async () => {
  const empty = temporaryFolder()
  try {
    await play('create-a-log', empty.path, {})
  } finally {
    empty.remove()
  }
})

describe('with a registry that is served', () => {
  const folder = temporaryFolder()
  let server: RunningServer

  beforeAll(async () => {
    const { path: cwd } = folder
    await attestry(['keygen', '--out', 'issuer.pem'], { cwd })
    const trust = ['--trust', 'issuer.pub.cbor=https://ci.example.org']
    await attestry(['init', '--data', 'log', '--origin', 'log.example.org', ...trust], { cwd })
    // The transcript says at what index its statement is: a journal must not come in between.
    const args = ['serve', '--data', 'log', '--port', '0', '--journal-interval-ms', '60000']
    server = await startServer(args, { cwd })
  })

  afterAll(async () => {
    await server.stop()
    folder.remove()
  })

  it.each(['register-and-verify', 'attest-nonce'])('%s.txt', async (name) => {
    await play(name, folder.path, { URL: server.url })
  })
})
