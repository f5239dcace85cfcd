/**
 * Builds the consumer's package: `verify/` and what is below it, from the same sources, with a
 * package.json made here. No express, no native addon. Its few dependencies are pinned and bundled,
 * so that the tarball installs in an empty folder with the network off.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { owners, portableRooms } from './layers.mjs'

const project = fileURLToPath(new URL('..', import.meta.url))
const packageName = 'attestry-verify'

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/**
 * @param {string} path
 * @param {unknown} value
 */
const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)

/**
 * @param {string} outFolder where the tarball goes
 * @returns {Promise<string>} path of the tarball
 */
export async function buildVerifyPackage(outFolder) {
  const staging = mkdtempSync(join(tmpdir(), 'attestry-verify-'))
  try {
    compile(staging)
    const dependencies = await dependenciesOf(join(staging, 'verify/index.js'))
    for (const name of Object.keys(dependencies)) bundle(name, staging)
    writeJson(join(staging, 'package.json'), manifest(dependencies))
    cpSync(join(project, 'LICENSE'), join(staging, 'LICENSE'))
    writeFileSync(join(staging, 'README.md'), readme)
    mkdirSync(outFolder, { recursive: true })
    const packed = execFileSync(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', resolve(outFolder)],
      { cwd: staging, encoding: 'utf8' },
    )
    return join(resolve(outFolder), JSON.parse(packed)[0].filename)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * Only what `verify/index.ts` reaches is emitted.
 * @param {string} staging
 */
function compile(staging) {
  const config = join(staging, 'tsconfig.json')
  writeJson(config, {
    extends: join(project, 'tsconfig.portable.json'),
    compilerOptions: {
      noEmit: false,
      sourceMap: false,
      rootDir: join(project, 'src'),
      outDir: staging,
    },
    include: [],
    files: [join(project, 'src/verify/index.ts')],
  })
  execFileSync(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), '-p', config], {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  rmSync(config)
}

/**
 * The packages that the emitted code imports, with the versions that the project pins.
 * @param {string} entry
 * @returns {Promise<Record<string, string>>}
 */
async function dependenciesOf(entry) {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    format: 'esm',
  })
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
  const names = imports
    .filter((to) => to.external)
    .map((to) =>
      to.path
        .split('/')
        .slice(0, to.path.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  const pinned = readJson(join(project, 'package.json')).dependencies
  const rooms = new Set(portableRooms)
  return Object.fromEntries(
    [...new Set(names)].sort().map((name) => {
      if (!owners[name]?.some((room) => rooms.has(room)) || !pinned[name]) {
        throw new Error(`${packageName} would depend on ${name}, which no portable room owns`)
      }
      return [name, pinned[name]]
    }),
  )
}

/**
 * Copies an installed package and what it depends on. Optional dependencies stay out: cbor-x's is a
 * native addon, and an installer that reads of it would go and fetch it.
 * @param {string} name
 * @param {string} staging
 */
function bundle(name, staging) {
  const to = join(staging, 'node_modules', name)
  if (existsSync(to)) return
  const from = join(project, 'node_modules', name)
  const nested = join(from, 'node_modules')
  cpSync(from, to, { recursive: true, filter: (path) => path !== nested })
  const { optionalDependencies, ...rest } = readJson(join(from, 'package.json'))
  if (optionalDependencies) writeJson(join(to, 'package.json'), rest)
  if (rest.scripts?.install || rest.scripts?.postinstall) {
    throw new Error(`${name} has an install script: do not bundle it`)
  }
  for (const needed of Object.keys(rest.dependencies ?? {})) {
    if (existsSync(join(nested, needed))) throw new Error(`${name} has its own ${needed}`)
    bundle(needed, staging)
  }
}

/** @param {Record<string, string>} dependencies */
function manifest(dependencies) {
  const { version, license, engines } = readJson(join(project, 'package.json'))
  return {
    name: packageName,
    version,
    description: 'Verifies SCITT Transparent Statements offline, in Node and in browsers',
    license,
    type: 'module',
    engines,
    exports: { '.': { types: './verify/index.d.ts', default: './verify/index.js' } },
    dependencies,
    bundleDependencies: Object.keys(dependencies),
  }
}

const readme = `# ${packageName}

Verifies SCITT Transparent Statements offline: no network, no Node module, no eval. Built from the
sources of Attestry's registry; see \`verifyTransparentStatement\` in \`verify/index.d.ts\`.

    import { readFileSync } from 'node:fs'
    import { parseTrustPolicy, verifyTransparentStatement } from '${packageName}'

    const read = (path) => new Uint8Array(readFileSync(path))
    const outcome = await verifyTransparentStatement({
      transparentStatement: read('sbom.transparent.cose'),
      trust: parseTrustPolicy(read('trust.json')),
      at: Math.floor(Date.now() / 1000),
    })
    if (outcome.kind !== 'verified') throw outcome.error // not-verified, refused or cannot-tell
`
