/** The bundle check fails where it must, and the real bundle runs where code from strings cannot. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleForBrowser } from '../../tools/browser-bundle.mjs'

const folder = mkdtempSync(join(tmpdir(), 'attestry-bundle-'))
const entry = fileURLToPath(new URL('../../src/verify/index.ts', import.meta.url))
const vectors = fileURLToPath(new URL('../vectors/verify-package/', import.meta.url))

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function violationsOf(source: string): Promise<readonly string[]> {
  const path = join(folder, 'planted.ts')
  writeFileSync(path, source)
  return (await bundleForBrowser(path)).violations
}

describe('planted violations', () => {
  it.each([
    ['a node: module', `import { readFileSync } from 'node:fs'; console.log(readFileSync)`],
    ['a Node module by its bare name', `import { join } from 'path'; console.log(join)`],
    ['a dynamic import of one', `export const load = () => import('node:crypto')`],
    ['new Function', `export const make = (text: string) => new Function(text)`],
    ['Function as a function', `export const make = (text: string) => Function(text)`],
    ['eval', `export const run = (text: string) => eval(text)`],
    ['indirect eval', `export const run = (text: string) => (0, eval)(text)`],
  ])('%s is reported', async (_what, source) => {
    expect(await violationsOf(source)).not.toEqual([])
  })

  it('harmless code is not', async () => {
    const source = `export const evaluate = (o: { eval(x: string): string }) => o.eval('1') + typeof Function`
    expect(await violationsOf(source)).toEqual([])
  })
})

/** What a browser has and the language has not, and no `Buffer`, `process` or `require`. */
const browserGlobals = {
  crypto,
  TextEncoder,
  TextDecoder,
  URL,
  atob,
  btoa,
  Uint8Array, // of one realm with TextEncoder and crypto, as in a browser
  ArrayBuffer,
  DataView,
}

describe('the bundle of verify/', () => {
  it('has no Node module and no code from strings', async () => {
    expect((await bundleForBrowser(entry)).violations).toEqual([])
  })

  it('verifies a stored Transparent Statement in a context without Node and without eval', async () => {
    const { code } = await bundleForBrowser(entry, { format: 'iife' })
    const files = {
      transparentStatement: new Uint8Array(readFileSync(`${vectors}statement.transparent.cose`)),
      trustFile: new Uint8Array(readFileSync(`${vectors}trust.json`)),
    }
    const context = createContext(
      { ...browserGlobals, ...files },
      { codeGeneration: { strings: false, wasm: false } },
    )
    runInContext(code, context)
    const outcome = await runInContext(
      `const trust = bundle.parseTrustPolicy(trustFile)
       bundle.verifyTransparentStatement({ transparentStatement, trust, at: 1780000001 })`,
      context,
    )
    expect(outcome.kind).toBe('verified')
    expect(() => runInContext(`eval('1')`, context)).toThrow()
  })
})
