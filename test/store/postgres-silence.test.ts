/**
 * A server that takes a connection and says nothing any more, at each moment of the connection's life:
 * whoever waits is told in time, and the end waits for nobody.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { expect, it } from 'vitest'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { WakeUps } from '../../src/store/postgres/wake-ups.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { useReleases } from '../support/releases.ts'

/** Types of messages: SQL in the simple protocol, and goodbye. */
const [QUERY, TERMINATE] = ['Q', 'X'].map((type) => type.charCodeAt(0))

const releases = useReleases()

describePostgres('a server that falls silent', () => {
  const server = usePostgres()

  /** URL of a way to the server that is cut before the query number `queries`, and before the end. */
  async function silentAt(queries: number): Promise<string> {
    const sockets: Socket[] = []
    const proxy: Server = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect(server().socketPath)
      sockets.push(client, upstream)
      for (const socket of [client, upstream]) socket.on('error', () => undefined)
      let seen = 0
      client.on('data', (bytes: Buffer) => {
        if (bytes[0] === QUERY) seen += 1
        if (seen < queries && bytes[0] !== TERMINATE) upstream.write(bytes)
      })
      upstream.pipe(client)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    releases.push(() => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    })
    const { port } = proxy.address() as AddressInfo
    return `postgres://postgres@127.0.0.1:${port}/postgres`
  }

  for (const queries of [1, 2]) {
    it(`while a connection is prepared, at query ${queries}, is not waited for`, async () => {
      const limits = { connectionsMax: 1, statementMs: 200 }
      await expect(PostgresDatabase.open(await silentAt(queries), limits)).rejects.toMatchObject({
        code: 'ERR_STORE_UNREACHABLE',
      })
    })
  }

  it('in the middle of a transaction is not waited for, and others go on', async () => {
    // Two of the session, BEGIN, and COMMIT.
    for (const queries of [3, 4]) {
      const limits = { connectionsMax: 1, statementMs: 200 }
      const database = await PostgresDatabase.open(await silentAt(queries), limits)
      releases.push(() => database.close())
      await expect(
        database.transaction((run) => run({ name: 'one', text: 'SELECT 1' })),
      ).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
      const rows = await database.query({ name: 'one', text: 'SELECT 1 AS one' })
      expect(rows).toEqual([{ one: 1 }])
    }
  })

  it('after somebody listened can be left', async () => {
    const wakeUps = new WakeUps(await silentAt(2), 'attestry_test')
    const heard: unknown[] = []
    wakeUps.add((told) => heard.push(told))
    await expect.poll(() => heard.length).toBe(1)
    await wakeUps.close()
  })
})
