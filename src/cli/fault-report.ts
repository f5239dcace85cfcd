/** How `audit`, `mirror` and `monitor` say that a log did something wrong. */
import { AuditFault, FAULT_EXIT_CODES } from '../monitor/audit-fault.ts'
import { AttestryError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import type { Report } from './command.ts'
import { fields, formatNumber } from './terminal.ts'

/** A key that nobody named may be the new one of a rotation; whether it is, the operator says. */
const KEY_HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  ERR_NOTE_SIGNATURE:
    'if its operator says that the checkpoint key was rotated, name the new one: --log-key VKEY, and again for each older one',
  ERR_RECEIPT_LOG_UNKNOWN:
    'if its operator says that the receipt key was rotated: attestry trust fetch --url URL -o TRUST --replace, then --trust TRUST',
}

/** A fault for programs. */
export function faultJson(fault: AuditFault): Record<string, unknown> {
  const { kind, place, message } = fault
  return { kind, exitCode: FAULT_EXIT_CODES[kind], message, ...place }
}

/** The report of a fault: its exit status, what it is and where it shows. */
export function reportFault(
  fault: AuditFault,
  { name, json }: { readonly name: string; readonly json: Readonly<Record<string, unknown>> },
): Report {
  const { kind, place, message } = fault
  const { cause } = fault
  const hint = cause instanceof AttestryError ? KEY_HINTS[(cause as AttestryError).code] : undefined
  const number = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : formatNumber(value)
  return {
    exitCode: FAULT_EXIT_CODES[kind],
    json: { ...json, outcome: 'fault', fault: faultJson(fault) },
    lines: [
      { text: `${name}: FAULT (${kind}): ${message}`, tone: 'bad' },
      ...fields([
        ['entry', number(place.leafIndex)],
        ['entry id', place.entryId],
        ['rule', place.rule],
        ['tile', place.tile],
        ['tree size', number(place.treeSize)],
      ]),
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ],
  }
}

/** Runs something that may find a fault. */
export async function orFault(
  work: () => Promise<Report>,
  about: { readonly name: string; readonly json: Readonly<Record<string, unknown>> },
): Promise<Report> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AuditFault) return reportFault(error, about)
    throw error
  }
}
