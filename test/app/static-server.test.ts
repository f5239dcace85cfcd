/** The server of a copy of a log bounds what clients can hold, as the registry does. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { createStaticServer } from '../../src/app/static-server.ts'
import { HTTP_LIMITS } from '../../src/http/limits.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** More than the buffers of two sockets hold. */
const BIG = new Uint8Array(30 * 1024 * 1024)

it('a client that takes nothing of its answer is cut off, and there are not more than so many', async () => {
  const folder = temporaryDirectory()
  writeFileSync(join(folder, 'checkpoint'), BIG)
  const server = createStaticServer(new LogDirectory(folder))
  expect(server.maxConnections).toBe(HTTP_LIMITS.connectionsMax)
  expect(server.timeout).toBe(HTTP_LIMITS.answerStallMs)
  server.timeout = 200
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  const count = promisify(server.getConnections.bind(server))
  await expect.poll(count, { timeout: 10_000 }).toBe(0)
  socket.destroy()
  server.close()
})
