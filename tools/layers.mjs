/**
 * The layers of `src/`, in one list of rows. A row imports rows below it: never its own row, never
 * one above. Also who may import which package. dependency-cruiser's rules are made from these
 * lists, and test/tidy.test.ts holds the drawing in ARCHITECTURE.md equal to the rows.
 * `node tools/layers.mjs` prints the drawing.
 */
import { pathToFileURL } from 'node:url'

/**
 * @typedef {object} Row
 * @property {readonly string[]} rooms folders of `src/`; `store/*` makes a room of each subfolder
 * @property {string} [note] what the drawing says beside the row
 * @property {boolean} [portable] runs unchanged in a browser: no Node module
 */

/** @type {readonly Row[]} */
export const rows = [
  { rooms: ['cli'] },
  { rooms: ['app'], note: 'constructs everything; only cli imports it' },
  { rooms: ['http', 'web', 'monitor'], note: 'surfaces' },
  { rooms: ['registry'], note: 'the use cases; sees ports, never adapters' },
  { rooms: ['store/*', 'keys', 'witness', 'sigstore', 'index'], note: 'adapters; projection' },
  { rooms: ['log', 'threads'], note: 'batching, heads, guard; owns the ports' },
  { rooms: ['verify', 'policy', 'client'], portable: true },
  { rooms: ['payload'], portable: true },
  { rooms: ['statement'], portable: true },
  { rooms: ['cose', 'note'], portable: true },
  { rooms: ['x509'], portable: true },
  { rooms: ['cbor', 'merkle'], portable: true },
  { rooms: ['bytes'], portable: true },
  { rooms: ['errors.ts'], portable: true },
]

const adapters = ['store/*', 'keys', 'witness', 'sigstore', 'index']

/**
 * Rooms below that a room may not see all the same: only `app` constructs adapters, and web and
 * monitor are clients of a log.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const blind = {
  cli: ['store/*'],
  http: adapters,
  web: ['registry', ...adapters, 'log'],
  monitor: ['registry', ...adapters, 'log'],
  registry: adapters,
}

/**
 * Third-party packages and the rooms that may import them (design D14). A package that is not
 * listed may be imported by nobody. `node:crypto` stands among them: signatures have one owner too.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const owners = {
  '@marcbachmann/cel-js': ['policy'],
  '@noble/hashes': ['bytes', 'merkle'],
  '@opentelemetry/api': ['app'],
  '@sigstore/bundle': ['sigstore'],
  '@sigstore/protobuf-specs': ['sigstore'],
  '@sigstore/verify': ['sigstore'],
  'better-sqlite3': ['store/sqlite'],
  'cbor-x': ['cbor'],
  commander: ['cli'],
  express: ['http'],
  jose: ['keys'],
  'node:crypto': ['keys', 'cli'],
  pino: ['app'],
  pg: ['store/postgres'],
  // Optional, hence looked up by name: test/tidy.test.ts searches for it instead.
  pkcs11js: ['keys'],
  'prom-client': ['app'],
  yaml: ['payload'],
}

/** The rooms below the portable line, lowest last. */
export const portableRooms = rows.filter((row) => row.portable).flatMap((row) => row.rooms)

const width = 42

/** The picture of the rows as ARCHITECTURE.md shows it, without indentation. */
export function drawLayers() {
  const lines = rows.flatMap((row, at) => {
    const rooms = row.rooms.join('  ')
    const drawn = row.note === undefined ? rooms : rooms.padEnd(width) + row.note
    const crossed = row.portable && !rows[at - 1]?.portable
    return crossed ? [`${'═'.repeat(width - 2)}  portable line`, drawn] : [drawn]
  })
  return lines.join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(drawLayers())
