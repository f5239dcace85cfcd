/** A server without TLS, or somebody in between who says so: whoever wants TLS tells nothing and goes away. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { WakeUps } from '../../src/store/postgres/wake-ups.ts'
import { useReleases } from '../support/releases.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { makeCa } from '../support/test-pki.ts'

/** The eight bytes that ask whether there is TLS, and say nothing else. */
const SSL_REQUEST = '0000000804d2162f'

const directory = temporaryDirectory()
const releases = useReleases()

it.each(['verify-full', 'verify-ca', 'require', 'prefer', 'no-verify'])(
  'with sslmode=%s nothing is said in the clear',
  async (sslmode) => {
    const sslrootcert = join(directory, 'root.pem')
    writeFileSync(sslrootcert, makeCa().certificatePem)
    const { url, heard } = await plainServer({ sslmode, sslrootcert })
    await expect(PostgresDatabase.open(url, { connectionsMax: 1 })).rejects.toMatchObject({
      code: 'ERR_STORE_UNREACHABLE',
      message: expect.stringContaining('does not support SSL') as unknown,
    })
    const wakeUps = new WakeUps(url, 'channel')
    releases.push(() => wakeUps.close())
    wakeUps.add(() => undefined)
    await expect.poll(() => heard().length).toBeGreaterThanOrEqual(2)
    // Nor after the answer.
    await wait(50)
    for (const bytes of heard()) expect(bytes.toString('hex')).toBe(SSL_REQUEST)
  },
)

/** Answers as a server that has no TLS; what each connection sent. */
async function plainServer(
  parameters: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; readonly heard: () => readonly Buffer[] }> {
  const sent: Buffer[][] = []
  const plain = createServer((socket) => {
    const parts: Buffer[] = []
    sent.push(parts)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      parts.push(bytes)
      socket.write('N')
    })
  })
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  releases.push(() => void plain.close())
  const { port } = plain.address() as AddressInfo
  const query = new URLSearchParams(parameters).toString()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres?${query}`,
    heard: () => sent.filter(({ length }) => length > 0).map((parts) => Buffer.concat(parts)),
  }
}
