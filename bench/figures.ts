/** Figures of a report: how they are reckoned, and how they are printed. */

export const number = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })

/** Whether a bar is met. */
export const check = (value: boolean): string => (value ? 'met' : 'MISSED')

/** The value that the share `q` of all are below; 0 of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}
