/** How `audit`, `mirror` and `monitor` say that a log did something wrong. */
import { AuditFault, FAULT_EXIT_CODES } from '../monitor/audit-fault.ts'
import type { Report } from './command.ts'
import { fields, formatNumber } from './terminal.ts'

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
