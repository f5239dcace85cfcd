/** Options that the look-ups share, and their filters as options of the command line. */
import type { Command } from 'commander'
import { QueryClient } from '../../client/query-client.ts'
import { collect, parseUrl } from '../option-values.ts'
import { checkFilters, optionName } from './arguments.ts'
import type { Filters } from './arguments.ts'

export interface LookupOptions {
  readonly url: string
  readonly verify?: boolean
  readonly trust?: string
  readonly json?: boolean
}

/** Adds `--url`, `--verify` and `--trust`. */
export function addLookupOptions(command: Command): Command {
  return command
    .requiredOption('--url <url>', 'address of the registry', parseUrl)
    .option(
      '--verify',
      'verify every row: its statement, its Receipt, and that they say what it says',
    )
    .option('--trust <trust>', 'trust file to verify under')
}

export function openClient({ url }: LookupOptions): QueryClient {
  return new QueryClient({ url })
}

/** Filters by their parameter; the option is the same in kebab case. */
const FILTERS: readonly (readonly [parameter: string, value: string, text: string])[] = [
  ['digest', 'alg:value', 'artifact by digest, e.g. sha256:9f86…'],
  ['role', 'roles', 'what the digest is: subject, dependency or evidence'],
  ['commit', 'hex', 'git commit'],
  ['purl', 'purl', 'package URL'],
  ['issuer', 'issuer', 'issuer of the statement'],
  ['subject', 'subject', 'subject of the statement'],
  ['signer', 'hex', 'key id, or SHA-256 of the certificate'],
  ['kind', 'kind', 'e.g. provenance, vsa, scorecard, vex'],
  ['type', 'type', 'predicate type, or media type'],
  ['builder', 'id', 'builder id of a provenance'],
  ['buildType', 'uri', 'build type of a provenance'],
  ['invocation', 'id', 'invocation id of a build'],
  ['run', 'url', 'URL of the CI run'],
  ['repository', 'uri', 'source repository'],
  ['workflow', 'uri', 'workflow identity'],
  ['buildImage', 'image', 'image that was built in'],
  ['verifier', 'id', 'verifier of a summary'],
  ['identity', 'san', 'identity inside a wrapped envelope'],
  ['innerIssuer', 'url', 'OIDC issuer inside a wrapped envelope'],
  ['vulnerability', 'id', 'e.g. CVE-2021-44228'],
  ['advisory', 'id', 'advisory of a platform, e.g. INTEL-SA-00614'],
  ['measurement', 'hex', 'measurement of a TEE, perhaps with its name: mrtd:…'],
  ['teeType', 'type', 'sgx, tdx, sev-snp, nitro, tpm or cca'],
  ['debug', 'bool', 'whether the environment can be looked into: true or false'],
  ['tcbStatus', 'status', 'e.g. UpToDate, OutOfDate'],
  ['fmspc', 'hex', 'platform family'],
  ['platformCertificate', 'hex', "SHA-256 of the certificate of the platform's key"],
  ['binding', 'value', 'what evidence is bound to: key, payload, build, payload:sha256:…'],
  ['boundKey', 'hex', 'thumbprint of the key that evidence is bound to'],
  ['tcbDateFrom', 'time', 'date of the TCB level, this or later'],
  ['tcbDateTo', 'time', 'date of the TCB level, this or before'],
  ['tcbEvaluationMin', 'n', "least number of the vendor's evaluation"],
  ['tcbEvaluationMax', 'n', "greatest number of the vendor's evaluation"],
  ['evidenceFrom', 'time', 'made at this time or later, where evidence says when'],
  ['evidenceTo', 'time', 'made at this time or before'],
  ['level', 'level', 'e.g. SLSA_BUILD_LEVEL_3'],
  ['result', 'result', 'e.g. PASSED, FAILED'],
  ['tool', 'tool', 'tool that evaluated'],
  ['scoreMin', 'n', 'least score'],
  ['scoreMax', 'n', 'greatest score'],
  ['registeredFrom', 'time', 'registered at this time or later'],
  ['registeredTo', 'time', 'registered at this time or before'],
  ['indexFrom', 'n', 'index at least'],
  ['indexBelow', 'n', 'index below'],
  ['tcbSvnBelow', 'name:hex', 'security version below this (repeatable)'],
  ['submitter', 'claim:value', 'who submitted, e.g. run_id:4320093439 (repeatable)'],
  ['attribute', 'name:value', 'any other attribute (repeatable)'],
]

/** Adds an option for every filter. All are collected, so that none given twice is dropped in silence. */
export function addFilters(command: Command): Command {
  for (const [parameter, value, text] of FILTERS) {
    command.option(`${optionName(parameter)} <${value}>`, text, collect)
  }
  return command
}

/** The filters among the options of a command, as parameters. @throws CliError `ERR_USAGE`. */
export function readFilters(options: object): Filters {
  const given = options as Partial<Record<string, readonly string[]>>
  const filters = FILTERS.flatMap(([name]) => {
    const value = given[name]
    return value === undefined ? [] : [[name, value.length === 1 ? value[0]! : value] as const]
  })
  return checkFilters(Object.fromEntries(filters))
}
