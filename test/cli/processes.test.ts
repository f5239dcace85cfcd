/**
 * Every command does its work in a process of its own, which ends by itself, with status 0. Other tests
 * run most commands in a host (host.mjs), and start what serves: serve, witness, mirror --serve, quickstart.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { spdx } from '../payload/provenance/samples.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { shell, startServer } from './attestry.ts'

const cwd = temporaryDirectory()

const MADE = `
attestry keygen --out issuer.pem
attestry init --data data --origin log.example.org --trust issuer.pub.cbor
attestry token add --data data --name ci --json > made; sed 's/.*"token":"\\([^"]*\\)".*/\\1/' made > token
attestry token list --data data
attestry log check --data data
`

const SERVED = `
attestry sign note.txt --key issuer.pem --issuer i:x --subject s --type text/plain -o note.cose
attestry register note.cose --url $URL -o note.transparent.cose
attestry trust fetch --url $URL -o trust.json
attestry trust add trust.json --issuer issuer.pub.cbor=*
attestry verify note.transparent.cose --trust trust.json
attestry inspect note.transparent.cose
attestry import sbom sbom.json --key issuer.pem --issuer i:x --url $URL --token-file token
attestry payload put note.txt --url $URL --token-file token
attestry payload get sha256:$(sha256sum < note.txt | cut -c1-64) --url $URL -o - | cmp - note.txt
attestry payload prune sha256:$(sha256sum < note.txt | cut -c1-64) --data data --reason mistake
attestry policy show --data data --json | sed 's/.*"policy"://; s/,"trustAnchors".*//' > policy.json
attestry policy diff policy.json --data data
attestry policy test policy.json --data data
attestry policy set policy.json --key data/keys/operator.pem --url $URL
`

const INDEXED = `
attestry query statements --url $URL
attestry query show $(sha256sum < note.cose | cut -c1-64) --url $URL --verify --trust trust.json
attestry query artifact sha256:$(sha256sum < note.txt | cut -c1-64) --url $URL
attestry query builds --debug true --url $URL
attestry query feed --url $URL
attestry attest nonce key --bound-key issuer.pub.cbor
attestry audit $URL --state audit.state --trust trust.json
attestry mirror --from $URL --out mirror --trust trust.json
attestry monitor $URL --state monitor.state --trust trust.json --once
attestry token revoke $(sed 's/.*"tokenId":"\\([^"]*\\)".*/\\1/' made) --data data
attestry log refusals --data data
attestry backup --data data -o backup
attestry freeze --data data --reason moved
attestry unfreeze --data data
`

const STOPPED = `
attestry log export --data data --out export
attestry index rebuild --data data
attestry key rotate --data data --purpose checkpoint
attestry key retire --data data --purpose checkpoint
attestry log vkey --data data
attestry restore backup --data restored --guard other.guard
attestry guard adopt --data data --guard other.guard
`

/** What other tests start: migrate where there is PostgreSQL, appraise where there is evidence. */
const ELSEWHERE = ['appraise', 'migrate', 'quickstart', 'serve', 'witness']

const lines = (text: string): string[] => text.trim().split('\n')

async function play(text: string, env: Record<string, string> = {}): Promise<void> {
  for (const line of lines(text)) {
    const { status, stdout, stderr } = await shell(line, { cwd, env })
    expect(status, `$ ${line}\n${stdout}${stderr}`).toBe(0)
  }
}

it('each works in a process of its own', async () => {
  writeFileSync(join(cwd, 'note.txt'), 'hello\n')
  writeFileSync(join(cwd, 'sbom.json'), JSON.stringify(spdx))
  await play(MADE)
  const server = await startServer(['serve', '--data', 'data', '--port', '0'], { cwd })
  try {
    await play(SERVED, { URL: server.url })
    // Look-ups are answered from the index, which follows the log.
    const indexed = async (): Promise<unknown> => {
      const health = await (await fetch(`${server.url}/health`)).json()
      return (health as { index: { treeSize: number } }).index.treeSize
    }
    await expect.poll(indexed, { timeout: 20_000 }).toBeGreaterThan(2)
    await play(INDEXED, { URL: server.url })
  } finally {
    expect(await server.stop()).toBe(0)
  }
  await play(STOPPED)
}, 180_000)

it('none is left out', () => {
  const shown = lines(MADE + SERVED + INDEXED + STOPPED).join('\n')
  const missing = COMMANDS.filter(({ name }) => !shown.includes(`attestry ${name} `))
  expect(missing.map(({ name }) => name).sort()).toEqual(ELSEWHERE)
})
