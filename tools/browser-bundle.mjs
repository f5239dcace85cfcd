/**
 * Bundles an entry point for the browser and looks for what a browser, or a page with a strict
 * Content-Security-Policy, would refuse: Node modules and code made from strings.
 */
import { builtinModules } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/**
 * @typedef {object} BrowserBundle
 * @property {string} code the bundle: an ES module, or a script that sets the global `bundle`
 * @property {number} bytes size, minified
 * @property {number} gzipBytes size, minified and compressed
 * @property {readonly string[]} packages the third-party packages inside
 * @property {readonly string[]} violations what must not be there, one line each; empty is good
 */

/** Code from strings: refused by `Content-Security-Policy` without `unsafe-eval`. */
const evaluators = [
  /\bnew\s+Function\b|(?<![.\w$])Function\s*\(/, // new Function('…'), Function('…')
  /(?<![.\w$])eval\s*\)?\s*\(/, // eval('…'), (0, eval)('…')
]

/** @param {string} name */
const isBuiltin = (name) =>
  name.startsWith('node:') || builtinModules.includes(name.split('/')[0] ?? '')

/**
 * @param {string} entry path of the entry point
 * @param {{ format?: 'esm' | 'iife' }} [options]
 * @returns {Promise<BrowserBundle>}
 */
export async function bundleForBrowser(entry, { format = 'esm' } = {}) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    format,
    ...(format === 'iife' ? { globalName: 'bundle' } : {}),
    outfile: 'bundle.js',
    logLevel: 'silent',
    // Left as they are, to be reported by name below.
    external: ['node:*', ...builtinModules],
  })
  const [output] = Object.values(result.metafile.outputs)
  const [file] = result.outputFiles
  const inputs = Object.entries(result.metafile.inputs)
  const violations = inputs.flatMap(([path, { imports }]) =>
    imports
      .filter((to) => to.external && isBuiltin(to.path))
      .map((to) => `${path} imports ${to.path}`),
  )
  const code = file?.text ?? ''
  if (/["'`]node:/.test(code)) violations.push('the bundle mentions a node: module')
  for (const evaluator of evaluators) {
    const found = evaluator.exec(code)
    if (found) violations.push(`the bundle makes code from a string: ${around(code, found.index)}`)
  }
  const packages = inputs.flatMap(
    ([path]) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  )
  return {
    code,
    bytes: output?.bytes ?? 0,
    gzipBytes: gzipSync(code).length,
    packages: [...new Set(packages)].sort(),
    violations,
  }
}

/**
 * @param {string} code
 * @param {number} at
 */
const around = (code, at) => code.slice(Math.max(0, at - 40), at + 40).replaceAll(/\s+/g, ' ')
