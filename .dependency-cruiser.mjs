/**
 * The rules of `npm run layers`, made from the lists in tools/layers.mjs. Type-only imports count:
 * a type is a dependency too. test/tools/layers.test.ts plants violations and sees them reported.
 */
import { blind, owners, portableRooms, rows } from './tools/layers.mjs'

/**
 * A room as a pattern of paths below `src/`: a folder, each folder of `store`, or one file.
 * @param {string} room
 */
const pathOf = (room) => (room.endsWith('.ts') ? room : `${room.replace('*', '[^/]+')}/`)
/** @param {readonly string[]} rooms */
const anyOf = (rooms) => `^src/(${rooms.map(pathOf).join('|')})`.replaceAll('.ts', '\\.ts$')

/**
 * @param {string} name
 * @param {string} comment
 * @param {object} from
 * @param {object} to
 */
const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

const layers = rows.map((row, at) =>
  error(
    `layer:${row.rooms[0]}`,
    `${row.rooms.join(', ')} may import only rows below (tools/layers.mjs)`,
    { path: anyOf(row.rooms) },
    // $1 is the importing room itself; its own files are of course free to see each other.
    { path: anyOf(rows.slice(0, at + 1).flatMap((above) => above.rooms)), pathNot: '^src/$1' },
  ),
)

const blindness = Object.entries(blind).map(([room, hidden]) =>
  error(
    `blind:${room}`,
    `${room} may not see ${hidden.join(', ')}: app hands it what it needs`,
    { path: anyOf([room]) },
    { path: anyOf(hidden) },
  ),
)

/** @param {string} name */
const packagePath = (name) =>
  name.startsWith('node:') ? `^(node:)?${name.slice('node:'.length)}$` : `node_modules/${name}/`

const ownership = Object.entries(owners).map(([name, rooms]) =>
  error(
    `owner:${name}`,
    `${name} belongs to ${rooms.join(', ')} alone`,
    { path: '^src/', pathNot: anyOf(rooms) },
    { path: packagePath(name) },
  ),
)

export default {
  forbidden: [
    ...layers,
    ...blindness,
    ...ownership,
    error(
      'owner:none',
      'a package without an owner in tools/layers.mjs',
      { path: '^src/' },
      {
        path: 'node_modules/',
        pathNot: [...Object.keys(owners).map(packagePath), 'node_modules/@types/'],
      },
    ),
    error(
      'portable-line',
      'no Node module below the portable line',
      { path: anyOf(portableRooms) },
      { dependencyTypes: ['core'] },
    ),
    error(
      'room-unknown',
      'every file of src/ is in a room of tools/layers.mjs',
      { path: '^src/', pathNot: anyOf(rows.flatMap((row) => row.rooms)) },
      {},
    ),
    error(
      'room-unknown-import',
      'every file of src/ is in a room of tools/layers.mjs',
      {},
      { path: '^src/', pathNot: anyOf(rows.flatMap((row) => row.rooms)) },
    ),
    error(
      'source-only',
      'src imports nothing of test, tools, bench or dist',
      { path: '^src/' },
      { path: '^(test|tools|bench|dist)/' },
    ),
    error('circular', 'a circle of imports', { path: '^src/' }, { circular: true }),
    error('unresolvable', 'an import of nothing', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.d.ts', '.mjs', '.js', '.cjs', '.json'],
    },
  },
}
