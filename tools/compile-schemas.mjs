/**
 * `npm run schemas`: compiles schemas/predicates/ with ajv into one ES module without imports,
 * src/payload/schemas.generated.js, and its types; the same beside the built files in dist/. Nothing
 * is compiled at run time, so there is no eval. Formats are ours (src/payload/schema-formats.ts): a
 * time that a schema lets through is one that the handlers can read. Does nothing when nothing changed.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = new URL('../', import.meta.url)
const source = new URL('schemas/predicates/', root)
const suffix = '.schema.json'
const outputs = ['src/payload/', 'dist/payload/']
const moduleName = 'schemas.generated.js'
const typesName = 'schemas.generated.d.ts'
/** Those of src/payload/schema-formats.ts. */
const formats = ['date-time', 'uri']
/** What the output depends on, beside the schemas. */
const inputs = [
  'tools/compile-schemas.mjs',
  'src/payload/schema-formats.ts',
  'src/payload/rfc3339.ts',
  'src/payload/source-names.ts',
  'package-lock.json',
]

/** @typedef {{ readonly $id: string }} Schema */

/** @returns {Promise<Map<string, string>>} texts of the schemas by name */
async function readSchemas() {
  const files = (await readdir(source)).filter((name) => name.endsWith(suffix)).sort()
  const entries = files.map(async (file) => {
    const text = await readFile(new URL(file, source), 'utf8')
    return /** @type {const} */ ([file.slice(0, -suffix.length), text])
  })
  return new Map(await Promise.all(entries))
}

/** @param {ReadonlyMap<string, string>} texts */
async function digestOfInputs(texts) {
  const hash = createHash('sha256')
  for (const [name, text] of texts) hash.update(`${name}\0${text}\0`)
  for (const name of inputs) hash.update(await readFile(new URL(name, root)))
  return hash.digest('hex')
}

/**
 * Validators of all schemas that say what something is; one that only has `$defs` is for the others.
 * @param {ReadonlyMap<string, Schema>} schemas
 */
async function compile(schemas) {
  const { _, Ajv } = await import('ajv')
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const { default: standaloneCode } = await import('ajv/dist/standalone/index.js')
  const options = { strict: true, allowUnionTypes: true, strictRequired: false }
  const strict = new Ajv2020(options)
  // The same vocabulary without `unevaluated…`, whose bookkeeping would double the code.
  const ajv = new Ajv({
    ...options,
    validateSchema: false,
    inlineRefs: false,
    // Lengths in UTF-16 units: one helper less to bundle, and the schemas only ask for non-empty.
    unicode: false,
    logger: false,
    code: { source: true, esm: true, formats: _`formats` },
  })
  for (const name of formats) {
    strict.addFormat(name, true)
    ajv.addFormat(name, () => true)
  }
  for (const schema of schemas.values()) {
    strict.addSchema(schema)
    ajv.addSchema(schema)
  }
  for (const { $id } of schemas.values()) strict.getSchema($id)
  const names = [...schemas].filter(([, schema]) => 'type' in schema)
  const ids = Object.fromEntries(names.map(([name, { $id }]) => [exportName(name), $id]))
  const code = standaloneCode.default(ajv, ids)
  return {
    names: names.map(([name]) => name),
    code: `import { formats } from './schema-formats.ts'\n${code}`,
  }
}

/** @param {string} name */
const exportName = (name) => `v_${name.replaceAll(/[^a-z0-9]/g, '_')}`

/** @param {readonly string[]} names */
function moduleText(names) {
  const members = names.map((name) => `  '${name}': ${exportName(name)},`)
  return [
    `import { ${names.map(exportName).join(', ')} } from './validators.js'`,
    'export const validators = {',
    ...members,
    '}',
  ].join('\n')
}

/** @param {readonly string[]} names */
function typesText(names) {
  return [
    '/** Made by tools/compile-schemas.mjs from schemas/predicates/; not kept in the repository. */',
    'export type SchemaName =',
    ...names.map((name) => `  | '${name}'`),
    '',
    'export interface SchemaFault {',
    '  readonly keyword: string',
    '  readonly instancePath: string',
    '  readonly params: Readonly<Record<string, unknown>>',
    '  readonly message?: string',
    '}',
    '',
    'export interface Validator {',
    '  (value: unknown): boolean',
    '  /** Of the last call, when it was false. */',
    '  readonly errors?: readonly SchemaFault[] | null',
    '}',
    '',
    'export declare const validators: Readonly<Record<SchemaName, Validator>>',
    '',
  ].join('\n')
}

/**
 * One file out of the validators, ajv's few run-time helpers and our formats.
 * @param {readonly string[]} names
 * @param {string} validators
 */
async function bundle(names, validators) {
  const { build } = await import('esbuild')
  const resolveDir = fileURLToPath(new URL('src/payload/', root))
  const { outputFiles } = await build({
    stdin: { contents: moduleText(names), resolveDir, sourcefile: 'entry.js' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    plugins: [
      {
        name: 'validators',
        setup(bundler) {
          const filter = /^\.\/validators\.js$/
          bundler.onResolve({ filter }, ({ path }) => ({ path, namespace: 'validators' }))
          const contents = { contents: validators, resolveDir }
          bundler.onLoad({ filter: /.*/, namespace: 'validators' }, () => contents)
        },
      },
    ],
  })
  return outputFiles[0]?.text ?? ''
}

/**
 * Whether every output was made of these inputs.
 * @param {string} banner
 */
async function isUpToDate(banner) {
  const heads = outputs.map(async (folder) => {
    const text = await readFile(new URL(folder + moduleName, root), 'utf8').catch(() => '')
    const types = await readFile(new URL(folder + typesName, root), 'utf8').catch(() => '')
    return text.startsWith(banner) && types !== ''
  })
  return (await Promise.all(heads)).every(Boolean)
}

/**
 * Whoever reads the file at the same time sees the old text or the new one.
 * @param {URL} file
 * @param {string} text
 */
async function replaceFile(file, text) {
  const draft = new URL(`${file.href}.${process.pid}`)
  await writeFile(draft, text)
  await rename(draft, file)
}

/** Compiles what changed; says in one line what it did. */
export async function compileSchemas() {
  const texts = await readSchemas()
  const digest = await digestOfInputs(texts)
  const banner = `// @ts-nocheck: made by tools/compile-schemas.mjs of schemas/predicates/ (${digest})\n`
  if (await isUpToDate(banner)) return `${texts.size} schemas: nothing changed`
  const schemas = new Map([...texts].map(([name, text]) => [name, JSON.parse(text)]))
  const { names, code } = await compile(schemas)
  const text = banner + (await bundle(names, code))
  for (const folder of outputs) {
    await mkdir(new URL(folder, root), { recursive: true })
    await replaceFile(new URL(folder + typesName, root), typesText(names))
    await replaceFile(new URL(folder + moduleName, root), text)
  }
  return `${names.length} schemas compiled: ${(text.length / 1000).toFixed(1)} kB`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(await compileSchemas())
}
