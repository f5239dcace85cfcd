/** Public names of the filters of `GET /statements`. */
import type { AttributeName, NumberName } from '../payload/description.ts'

/** Parameters that ask for one attribute each. */
export const ATTRIBUTE_PARAMETERS: Readonly<Record<string, AttributeName>> = {
  purl: 'purl',
  builder: 'builder-id',
  buildType: 'build-type',
  invocation: 'invocation-id',
  run: 'run-url',
  submitter: 'submitter',
  repository: 'repository',
  workflow: 'workflow',
  buildImage: 'build-image',
  verifier: 'verifier-id',
  identity: 'inner-identity',
  innerIssuer: 'inner-issuer',
  vulnerability: 'vulnerability',
  advisory: 'advisory',
  measurement: 'measurement',
  teeType: 'tee-type',
  debug: 'debug',
  tcbStatus: 'tcb-status',
  fmspc: 'fmspc',
  platformCertificate: 'platform-certificate',
  binding: 'binding',
  boundKey: 'bound-key',
  level: 'level',
  result: 'result',
  tool: 'tool',
}

/** Parameters in pairs that ask for a range of one number, both ends in it. */
export const NUMBER_PARAMETERS: readonly {
  readonly name: NumberName
  readonly from: string
  readonly to: string
  readonly form: 'decimal' | 'integer' | 'time'
}[] = [
  { name: 'score', from: 'scoreMin', to: 'scoreMax', form: 'decimal' },
  { name: 'tcb-date', from: 'tcbDateFrom', to: 'tcbDateTo', form: 'time' },
  { name: 'evidence-time', from: 'evidenceFrom', to: 'evidenceTo', form: 'time' },
  {
    ...{ name: 'tcb-evaluation-number', form: 'integer' },
    ...{ from: 'tcbEvaluationMin', to: 'tcbEvaluationMax' },
  },
]

/** Every parameter that narrows an answer. */
export const FILTER_PARAMETERS: readonly string[] = [
  ...['digest', 'role', 'commit', 'issuer', 'subject', 'signer', 'kind', 'type'],
  ...Object.keys(ATTRIBUTE_PARAMETERS),
  ...['attribute', ...NUMBER_PARAMETERS.flatMap(({ from, to }) => [from, to]), 'tcbSvnBelow'],
  ...['registeredFrom', 'registeredTo', 'indexFrom', 'indexBelow'],
]
