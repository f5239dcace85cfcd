/** `npm run bundle`: the consumer's entry point runs in a browser, with no `node:` and no eval. */
import { bundleForBrowser } from './browser-bundle.mjs'

const entry = process.argv[2] ?? 'src/verify/index.ts'
const { bytes, gzipBytes, packages, violations } = await bundleForBrowser(entry)

const kilobytes = (/** @type {number} */ size) => `${(size / 1000).toFixed(1)} kB`
console.log(`${entry}: ${kilobytes(bytes)} minified, ${kilobytes(gzipBytes)} compressed`)
console.log(`packages inside: ${packages.join(', ')}`)
for (const violation of violations) console.error(`not portable: ${violation}`)
process.exitCode = violations.length === 0 ? 0 : 1
