#!/usr/bin/env node
/**
 * `attestry`, the command line. This file wires commands and turns what is wrong with a command line
 * into exit status 4; what a command does is in its own file.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addAudit } from './audit.ts'
import { CliError } from './cli-error.ts'
import { reportError } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { addGuardAdopt } from './guard-adopt.ts'
import { addIndexRebuild } from './index-rebuild.ts'
import { addImportDsse } from './import/import-dsse.ts'
import { addImportNpm } from './import/import-npm.ts'
import { addImportSbom } from './import/import-sbom.ts'
import { addImportScorecard } from './import/import-scorecard.ts'
import { addImportSigstore } from './import/import-sigstore.ts'
import { addInit } from './init.ts'
import { addInspect } from './inspect.ts'
import { addKeyRetire } from './key-retire.ts'
import { addKeyRotate } from './key-rotate.ts'
import { addKeygen } from './keygen.ts'
import { addLogCheck } from './log-check.ts'
import { addLogExport } from './log-export.ts'
import { addLogVkey } from './log-vkey.ts'
import { addPayloadGet } from './payload-get.ts'
import { addPayloadPrune } from './payload-prune.ts'
import { addPayloadPut } from './payload-put.ts'
import { addPolicyDiff } from './policy-diff.ts'
import { addPolicySet } from './policy-set.ts'
import { addPolicyShow } from './policy-show.ts'
import { addPolicyTest } from './policy-test.ts'
import { addMirror } from './mirror.ts'
import { addMonitor } from './monitor.ts'
import { addQueryArtifact } from './query-artifact.ts'
import { addQueryFeed } from './query-feed.ts'
import { addQueryShow } from './query-show.ts'
import { addQueryStatements } from './query-statements.ts'
import { addQuickstart } from './quickstart.ts'
import { addLogRefusals } from './log-refusals.ts'
import { addRegister } from './register.ts'
import { addServe } from './serve.ts'
import { addSign } from './sign.ts'
import { guardPipes } from './terminal.ts'
import { addTokenAdd } from './token-add.ts'
import { addTokenList } from './token-list.ts'
import { addTokenRevoke } from './token-revoke.ts'
import { addTrustAdd } from './trust-add.ts'
import { addTrustFetch } from './trust-fetch.ts'
import { addVerify } from './verify.ts'
import { addWitness } from './witness.ts'

const HELP = `
Exit status: 0 done, 1 failed, 4 wrong command line; verify also 2 refused by policy and
3 cannot tell. ATTESTRY_DEBUG=1 prints stack traces. NO_COLOR turns colour off.

Start here:
  $ attestry quickstart
`

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function buildProgram(): Command {
  const program = new Command('attestry')
    .description('A transparency log for supply-chain evidence: register, prove, verify offline.')
    .version(readVersion())
    .addHelpText('after', HELP.trimEnd())
    .exitOverride()
    .showHelpAfterError(false)
    // Errors of the command line are printed by us, like every other error.
    .configureOutput({ outputError: () => undefined })
  addInit(program)
  addServe(program)
  addKeygen(program)
  addSign(program)
  addRegister(program)
  addVerify(program)
  const imports = program
    .command('import')
    .description("register what other publishers' tools made")
  addImportSigstore(imports)
  addImportNpm(imports)
  addImportDsse(imports)
  addImportScorecard(imports)
  addImportSbom(imports)
  const trust = program.command('trust').description('pin logs and issuers in a trust file')
  addTrustFetch(trust)
  addTrustAdd(trust)
  addInspect(program)
  const log = program.command('log').description('look after a log')
  addLogCheck(log)
  addLogRefusals(log)
  addLogExport(log)
  addLogVkey(log)
  const key = program.command('key').description("replace a log's keys")
  addKeyRotate(key)
  addKeyRetire(key)
  const index = program.command('index').description("look after a log's index")
  addIndexRebuild(index)
  const guard = program.command('guard').description("look after a log's guard")
  addGuardAdopt(guard)
  const policy = program.command('policy').description("show, try and change a log's rules")
  addPolicyShow(policy)
  addPolicyDiff(policy)
  addPolicyTest(policy)
  addPolicySet(policy)
  const token = program.command('token').description('API tokens of submitters')
  addTokenAdd(token)
  addTokenList(token)
  addTokenRevoke(token)
  const payload = program.command('payload').description('content of hash envelopes')
  addPayloadPut(payload)
  addPayloadGet(payload)
  addPayloadPrune(payload)
  const query = program.command('query').description('find statements, artifacts and what is new')
  addQueryStatements(query)
  addQueryArtifact(query)
  addQueryShow(query)
  addQueryFeed(query)
  addWitness(program)
  addAudit(program)
  addMirror(program)
  addMonitor(program)
  addQuickstart(program)
  return program
}

function isHelpOrVersion(error: CommanderError): boolean {
  return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
}

async function main(argv: readonly string[]): Promise<void> {
  guardPipes()
  try {
    await buildProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      if (isHelpOrVersion(error)) return
      process.exitCode = EXIT.usage
      if (error.code === 'commander.help') return // `attestry` alone: the help was printed
      const message = error.message.replace(/^error: /, '')
      const usage = new CliError('ERR_USAGE', message, { hint: 'attestry COMMAND --help' })
      reportError(usage, argv.includes('--json'))
      return
    }
    process.exitCode = EXIT.failed
    reportError(error, argv.includes('--json'))
  }
}

await main(process.argv.slice(2))
