/**
 * The yardstick servers. `empty`: an Express handler that reads the body and answers 201. `plain`:
 * what one would write first: it verifies the same signature and commits each statement on its own to
 * SQLite with synchronous=FULL, in line. Arguments: empty|plain DATABASE SPKI-base64. Prints its port.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Database from 'better-sqlite3'
import express from 'express'
import { sigStructure } from '../src/cose/sign1.ts'
import { parseSign1 } from '../src/cose/parse-sign1.ts'

const [kind, file = ':memory:', spki = ''] = process.argv.slice(2)
const app = express()
app.use(express.raw({ type: 'application/cose', limit: '256kb' }))

if (kind === 'plain') {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('CREATE TABLE entry (leaf_index INTEGER PRIMARY KEY, id BLOB UNIQUE, bytes BLOB)')
  const insert = database.prepare('INSERT INTO entry (id, bytes) VALUES (?, ?)')
  app.post('/entries', (request, response) => {
    const bytes = request.body as Buffer
    const { protectedBytes, payload, signature } = parseSign1(bytes)
    const data = sigStructure(protectedBytes, payload!)
    if (!verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
      response.status(400).end()
      return
    }
    insert.run(createHash('sha256').update(bytes).digest(), bytes)
    response.status(201).type('application/cose').send(bytes.subarray(0, 400))
  })
} else {
  app.post('/entries', (_request, response) => {
    response.status(201).end()
  })
}

const server = app.listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port)
})
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
})
