/** Unit tests run in Node on the TypeScript sources; only the CLI's tests need `dist/`. */
import { defineConfig } from 'vitest/config'
import { ClosingLineReporter } from './tools/closing-line-reporter.mjs'
import { compileSchemas } from './tools/compile-schemas.mjs'

// The sources import a file that is made of schemas/predicates/.
await compileSchemas()

const slow = process.env['ATTESTRY_SLOW'] === '1'

/**
 * Rooms whose tests leave nothing behind in a process. Their files share one, because importing the
 * sources for each of them again took half of their time. `keys` loads the library of a token, and the
 * fixture of `witness` belongs to one file.
 */
const SHARING = `test/{${[
  ...['app', 'bytes', 'cbor', 'cli', 'client', 'cose', 'hostile', 'http', 'index', 'interop'],
  ...['log', 'merkle', 'monitor', 'note', 'payload', 'policy', 'properties', 'registry'],
  ...['sigstore', 'statement', 'store', 'verify', 'x509'],
].join(',')}}/**/*.test.ts`

export default defineConfig({
  test: {
    // On two cores vitest would take one; what starts processes leaves the other idle.
    maxWorkers: 2,
    reporters: ['default', new ClosingLineReporter()],
    // Slow suites print their seed and their progress; nothing asserts on the wall clock.
    testTimeout: slow ? 30 * 60_000 : 60_000,
    hookTimeout: slow ? 30 * 60_000 : 60_000,
    projects: [
      { extends: true, test: { name: 'shared', include: [SHARING], isolate: false } },
      {
        extends: true,
        test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [SHARING] },
      },
    ],
  },
})
