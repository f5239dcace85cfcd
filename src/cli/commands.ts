/**
 * The commands and where each is. A command line names one: only that one's file is loaded, since
 * loading all of them takes longer than most commands do.
 */
import type { Command } from 'commander'

/** A command, or a group of them. */
export interface CommandEntry {
  readonly name: string
  readonly add: (program: Command) => Promise<void>
}

/** In the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    add: async (program) => (await import('./init.ts')).addInit(program),
  },
  {
    name: 'serve',
    add: async (program) => (await import('./serve.ts')).addServe(program),
  },
  {
    name: 'keygen',
    add: async (program) => (await import('./keygen.ts')).addKeygen(program),
  },
  {
    name: 'sign',
    add: async (program) => (await import('./sign.ts')).addSign(program),
  },
  {
    name: 'register',
    add: async (program) => (await import('./register.ts')).addRegister(program),
  },
  {
    name: 'verify',
    add: async (program) => (await import('./verify.ts')).addVerify(program),
  },
  {
    name: 'attest',
    add: async (program) => {
      const group = program
        .command('attest')
        .description('make statements of the hardware that a build runs on')
      ;(await import('./attest/attest-evidence.ts')).addAttestKinds(group)
      ;(await import('./attest/attest-collateral.ts')).addAttestCollateral(group)
      ;(await import('./attest/attest-nonce.ts')).addAttestNonce(group)
    },
  },
  {
    name: 'appraise',
    add: async (program) => (await import('./appraise.ts')).addAppraise(program),
  },
  {
    name: 'import',
    add: async (program) => {
      const group = program
        .command('import')
        .description("register what other publishers' tools made")
      ;(await import('./import/import-sigstore.ts')).addImportSigstore(group)
      ;(await import('./import/import-npm.ts')).addImportNpm(group)
      ;(await import('./import/import-dsse.ts')).addImportDsse(group)
      ;(await import('./import/import-scorecard.ts')).addImportScorecard(group)
      ;(await import('./import/import-sbom.ts')).addImportSbom(group)
    },
  },
  {
    name: 'trust',
    add: async (program) => {
      const group = program.command('trust').description('pin logs and issuers in a trust file')
      ;(await import('./trust-fetch.ts')).addTrustFetch(group)
      ;(await import('./trust-add.ts')).addTrustAdd(group)
    },
  },
  {
    name: 'inspect',
    add: async (program) => (await import('./inspect.ts')).addInspect(program),
  },
  {
    name: 'log',
    add: async (program) => {
      const group = program.command('log').description('look after a log')
      ;(await import('./log-check.ts')).addLogCheck(group)
      ;(await import('./log-refusals.ts')).addLogRefusals(group)
      ;(await import('./log-export.ts')).addLogExport(group)
      ;(await import('./log-vkey.ts')).addLogVkey(group)
    },
  },
  {
    name: 'backup',
    add: async (program) => (await import('./backup.ts')).addBackup(program),
  },
  {
    name: 'restore',
    add: async (program) => (await import('./restore.ts')).addRestore(program),
  },
  {
    name: 'freeze',
    add: async (program) => (await import('./freeze.ts')).addFreeze(program),
  },
  {
    name: 'unfreeze',
    add: async (program) => (await import('./freeze.ts')).addUnfreeze(program),
  },
  {
    name: 'migrate',
    add: async (program) => (await import('./migrate.ts')).addMigrate(program),
  },
  {
    name: 'key',
    add: async (program) => {
      const group = program.command('key').description("replace a log's keys")
      ;(await import('./key-rotate.ts')).addKeyRotate(group)
      ;(await import('./key-retire.ts')).addKeyRetire(group)
    },
  },
  {
    name: 'index',
    add: async (program) => {
      const group = program.command('index').description("look after a log's index")
      ;(await import('./index-rebuild.ts')).addIndexRebuild(group)
    },
  },
  {
    name: 'guard',
    add: async (program) => {
      const group = program.command('guard').description("look after a log's guard")
      ;(await import('./guard-adopt.ts')).addGuardAdopt(group)
    },
  },
  {
    name: 'policy',
    add: async (program) => {
      const group = program.command('policy').description("show, try and change a log's rules")
      ;(await import('./policy-show.ts')).addPolicyShow(group)
      ;(await import('./policy-diff.ts')).addPolicyDiff(group)
      ;(await import('./policy-test.ts')).addPolicyTest(group)
      ;(await import('./policy-set.ts')).addPolicySet(group)
    },
  },
  {
    name: 'token',
    add: async (program) => {
      const group = program.command('token').description('make, list and revoke API tokens')
      ;(await import('./token-add.ts')).addTokenAdd(group)
      ;(await import('./token-list.ts')).addTokenList(group)
      ;(await import('./token-revoke.ts')).addTokenRevoke(group)
    },
  },
  {
    name: 'payload',
    add: async (program) => {
      const group = program
        .command('payload')
        .description('store, fetch and delete content of hash envelopes')
      ;(await import('./payload-put.ts')).addPayloadPut(group)
      ;(await import('./payload-get.ts')).addPayloadGet(group)
      ;(await import('./payload-prune.ts')).addPayloadPrune(group)
    },
  },
  {
    name: 'query',
    add: async (program) => {
      const group = program
        .command('query')
        .description('find statements, artifacts and what is new')
      ;(await import('./query-statements.ts')).addQueryStatements(group)
      ;(await import('./query-artifact.ts')).addQueryArtifact(group)
      ;(await import('./query-builds.ts')).addQueryBuilds(group)
      ;(await import('./query-show.ts')).addQueryShow(group)
      ;(await import('./query-feed.ts')).addQueryFeed(group)
    },
  },
  {
    name: 'witness',
    add: async (program) => (await import('./witness.ts')).addWitness(program),
  },
  {
    name: 'audit',
    add: async (program) => (await import('./audit.ts')).addAudit(program),
  },
  {
    name: 'mirror',
    add: async (program) => (await import('./mirror.ts')).addMirror(program),
  },
  {
    name: 'monitor',
    add: async (program) => (await import('./monitor.ts')).addMonitor(program),
  },
  {
    name: 'quickstart',
    add: async (program) => (await import('./quickstart.ts')).addQuickstart(program),
  },
]
