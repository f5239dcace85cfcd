/**
 * Runs npm scripts in lanes, one lane beside the other and each lane in its order: what reads the
 * sources takes half of the time on two cores. Prints what a script printed when it has ended, and fails
 * when one of them did; all run, so that one look tells everything.
 *
 *     node tools/side-by-side.mjs lint types,portable
 */
import { spawn } from 'node:child_process'

/**
 * @param {string} name
 * @returns {Promise<boolean>} whether the script of this name succeeded
 */
function run(name) {
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const printed = []
    const child = spawn('npm', ['run', '--silent', name], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (/** @type {Buffer} */ chunk) => printed.push(chunk))
    }
    child.once('error', reject)
    child.once('close', (code) => {
      console.log(`${name}: ${code === 0 ? 'passed' : `FAILED (${String(code)})`}`)
      process.stdout.write(Buffer.concat(printed))
      resolve(code === 0)
    })
  })
}

/** @param {string} lane */
async function runInOrder(lane) {
  let isGood = true
  for (const name of lane.split(',')) isGood = (await run(name)) && isGood
  return isGood
}

const results = await Promise.all(process.argv.slice(2).map(runInOrder))
process.exitCode = results.every(Boolean) ? 0 : 1
