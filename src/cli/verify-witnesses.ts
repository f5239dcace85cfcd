/** The part of `attestry verify` about witnesses: a `.tlog-proof` under a tlog-policy. */
import { encodeHex } from '../bytes/hex.ts'
import { InputError, VerificationError } from '../errors.ts'
import { verifyWitnessedInclusion } from '../verify/index.ts'
import type { ProvenInclusion } from '../verify/index.ts'
import { CliError } from './cli-error.ts'
import { errorJson } from './command.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { readInput } from './files.ts'
import { hintFor } from './hints.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'

/** Both options, or neither. */
export interface WitnessOptions {
  readonly tlogProof?: string
  readonly tlogPolicy?: string
}

/** How far a witness's clock may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 300

/**
 * The report of a statement that verified, with what witnesses say about it; without the options it
 * stays as it is. A proof that does not hold, or too few witnesses, is "does not verify".
 * @throws CliError `ERR_FILE`; InputError `ERR_TRUST_CONFIGURATION` for a policy that does not parse.
 */
export async function withWitnesses(
  report: Report,
  { name, transparentStatement, options }: WitnessedStatement,
): Promise<Report> {
  const { tlogProof, tlogPolicy } = options
  if (tlogProof === undefined || tlogPolicy === undefined) return report
  const [proof, policy] = [await readInput(tlogProof), await readInput(tlogPolicy)]
  if (proof.length === 0) return notWitnessed(name, emptyProof(tlogProof))
  const notAfter = Math.floor(Date.now() / 1000) + CLOCK_SKEW_SECONDS
  try {
    const proven = await verifyWitnessedInclusion({ transparentStatement, proof, policy, notAfter })
    return {
      ...report,
      json: { ...report.json, witnessed: witnessedJson(proven) },
      lines: [...report.lines, ...fields(witnessedRows(proven))],
    }
  } catch (error) {
    const isEvidence = error instanceof VerificationError || error instanceof InputError
    if (!isEvidence || error.code === 'ERR_TRUST_CONFIGURATION') throw error
    return notWitnessed(name, error)
  }
}

/** A registry answers 204 while no checkpoint that it published has the entry. */
function emptyProof(path: string): VerificationError {
  const message = `${path} is empty: the entry was in no published checkpoint when it was fetched`
  return new VerificationError('ERR_QUORUM', message)
}

interface WitnessedStatement {
  readonly name: string
  readonly transparentStatement: Uint8Array
  readonly options: WitnessOptions
}

/** @throws CliError `ERR_USAGE` unless both options are given, or neither. */
export function assertWitnessOptions({ tlogProof, tlogPolicy }: WitnessOptions): void {
  if ((tlogProof === undefined) === (tlogPolicy === undefined)) return
  throw new CliError('ERR_USAGE', '--tlog-proof and --tlog-policy are given together')
}

function notWitnessed(name: string, error: VerificationError | InputError): Report {
  const hint = hintFor(error)
  return {
    exitCode: EXIT.failed,
    json: { outcome: 'not-verified', error: errorJson(error), receipts: [] },
    lines: [
      {
        text: `${name}: DOES NOT VERIFY: the Receipt holds, the tlog-proof does not: ${error.message} (${error.code})`,
        tone: 'bad',
      },
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ],
  }
}

function witnessedRows({
  cosignatures,
  treeSize,
  origin,
}: ProvenInclusion): (readonly [string, string])[] {
  const tree = `${formatNumber(treeSize)} entries of ${origin}`
  return [
    ['witnessed', tree],
    ...cosignatures.map(
      ({ key, timestamp }) => ['witness', `${key.name}, ${formatTime(timestamp)}`] as const,
    ),
  ]
}

function witnessedJson(proven: ProvenInclusion): Record<string, unknown> {
  const { origin, treeSize, rootHash, leafIndex, cosignatures } = proven
  return {
    origin,
    treeSize: Number(treeSize),
    rootHash: encodeHex(rootHash),
    leafIndex: Number(leafIndex),
    witnesses: cosignatures.map(({ key, timestamp }) => ({ name: key.name, time: timestamp })),
  }
}
