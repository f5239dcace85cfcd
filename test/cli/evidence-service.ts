/** A registry with an injected clock, and a folder with an issuer's key, for the commands about evidence. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { EVIDENCE_CHECK, teeEvidencePolicyJson } from '../../src/policy/tee-evidence-policy.ts'
import type { TeeEvidencePolicy } from '../../src/policy/tee-evidence-policy.ts'
import { anchorFromFile } from '../../src/statement/anchor-file.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { commandLine } from './attestry.ts'
import type { CommandLine } from './attestry.ts'

export const ISSUER = 'https://ci.example.org'
/** What `--key` and its companions are. */
export const as = (subject: string): string[] => ['--key', 'issuer.pem', '--issuer', ISSUER, '--subject', subject] // prettier-ignore
export const PLAIN: TeeEvidencePolicy = { check: EVIDENCE_CHECK }

export interface EvidenceFolder extends CommandLine {
  readonly cwd: string
  readonly at: (name: string) => string
  readonly write: (name: string, policy: TeeEvidencePolicy) => void
}

/** A folder with `issuer.pem`, made before the tests. */
export function evidenceFolder(): EvidenceFolder {
  const cwd = temporaryDirectory()
  const at = (name: string): string => join(cwd, name)
  const commands = commandLine(() => cwd)
  beforeAll(async () => {
    await commands.ok('keygen', '--out', 'issuer.pem')
  })
  const write = (name: string, policy: TeeEvidencePolicy): void => {
    writeFileSync(at(name), JSON.stringify({ teeEvidence: teeEvidencePolicyJson(policy) }))
  }
  return { ...commands, cwd, at, write }
}

export interface EvidenceService {
  readonly registry: TestRegistry
  readonly url: string
  /** The policy of the log from now on, also as `policy.json`. */
  readonly setPolicy: (policy: TeeEvidencePolicy) => Promise<void>
  /** Pins the log and the issuer in `trust.json`. */
  readonly pin: () => Promise<void>
}

/** A registry that admits the issuer of the folder, from `startTime` on; ask for it within tests. */
export function evidenceService(folder: EvidenceFolder, startTime: number): () => EvidenceService {
  let service: EvidenceService | undefined
  beforeAll(async () => {
    const anchor = anchorFromFile(readFileSync(folder.at('issuer.pub.cbor')), [ISSUER])
    const registry = await TestRegistry.create({ anchors: [anchor], startTime })
    const { url } = await registry.listen()
    service = {
      registry,
      url,
      setPolicy: async (policy) => {
        await registry.registry.register(await registry.policyStatement({ teeEvidence: policy }))
        folder.write('policy.json', policy)
      },
      pin: async () => {
        await folder.json('trust', 'fetch', '--url', url, '-o', 'trust.json')
        await folder.json('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
      },
    }
  })
  afterAll(() => service?.registry.close())
  return () => service!
}
