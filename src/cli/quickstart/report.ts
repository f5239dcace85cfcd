/** What `quickstart` says at the end: what happened, and where to look next. */
import { fields } from '../terminal.ts'
import type { JoinedRow } from './join.ts'
import type { Line } from '../terminal.ts'

/** One sample that was signed, registered and verified offline. */
export interface RegisteredSample {
  readonly family: string
  readonly subject: string
  readonly entryId: string
  readonly leafIndex: number
  readonly treeSize: number
  readonly transparentFile: string
  /** What `attestry verify` of the file answers. */
  readonly exitCode: number
}

/** Everything that happened; printed as it is with `--json`. */
export interface QuickstartFacts {
  readonly data: string
  readonly created: boolean
  readonly portTaken: boolean
  readonly url: string
  readonly origin: string
  readonly issuer: string
  readonly folder: string
  readonly trustPath: string
  readonly logKeys: readonly string[]
  readonly samples: readonly RegisteredSample[]
  /** The artifact that the samples are about, and what the index knows of it. */
  readonly artifact: string
  readonly joined: readonly JoinedRow[]
}

/** The facts for people. */
export function describeQuickstart(facts: QuickstartFacts, exits: boolean): Line[] {
  const { data, url, samples, trustPath, folder } = facts
  const first = samples[0]!
  const attestry = 'node dist/cli/main.js'
  return [
    ...fields([
      ['log', `${facts.origin} in ${data} (${facts.created ? 'created' : 'was there'})`],
      ['guard', `${data}.guard`],
      ['log key', facts.logKeys.join(' ')],
      ['issuer', `${facts.issuer} (${folder}/issuer.pem)`],
      ['statements', `${folder}/*.transparent.cose`],
      ['trust file', trustPath],
    ]),
    '',
    { text: 'Signed, registered, and verified offline:', tone: 'good' },
    ...fields(
      samples.map(({ family, leafIndex, treeSize, entryId }) => [
        family,
        `index ${leafIndex} in a tree of ${treeSize}  entry ${entryId}`,
      ]),
    ),
    'These are generated samples; the TEE evidence comes from no hardware and proves nothing.',
    '',
    { text: `Found again by the artifact, ${facts.artifact}:`, tone: 'good' },
    ...fields(
      facts.joined.map(({ about, kind, leafIndex, check }) => [
        kind,
        `about ${about}  index ${leafIndex}  receipt and issuer ${check}`,
      ]),
    ),
    '',
    { text: 'Where to look:', tone: 'strong' },
    `  ${attestry} inspect ${first.transparentFile}`,
    `  ${attestry} verify ${first.transparentFile} --trust ${trustPath}`,
    `  ${attestry} log check --data ${data}`,
    ...(exits
      ? []
      : [
          `  curl -s ${url}/entries/${first.entryId}/statement | ${attestry} inspect -`,
          `  ${attestry} query artifact ${facts.artifact} --url ${url}`,
          `  ${url}/openapi.yaml describes the API`,
          '',
          ...(facts.portTaken ? ['The port was taken, so another one was chosen.'] : []),
          { text: `listening on ${url} (Ctrl-C stops it)`, tone: 'good' as const },
        ]),
  ]
}
