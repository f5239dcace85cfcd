// Builds the bench next to dist/ (esbuild, one file per process) and runs it: npm run bench [-- --memory]
import { spawnSync } from 'node:child_process'
import { build } from 'esbuild'

await build({
  entryPoints: ['main', 'load', 'overload-load', 'plain-express', 'bare-log', 'verify-worker'].map(
    (name) => `bench/${name}.ts`,
  ),
  outdir: 'dist/bench',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'error',
})
const { status } = spawnSync(process.execPath, ['dist/bench/main.js', ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exitCode = status ?? 1
