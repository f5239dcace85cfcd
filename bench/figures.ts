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

export interface Trend {
  /** By least squares. */
  readonly slope: number
  /** The slope's standard error: infinite where fewer than three points say nothing of it. */
  readonly error: number
}

/** How `y` goes with `x`. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const mean = (values: readonly number[]): number => total(values) / Math.max(1, values.length)
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))]
  const spread = total(points.map(([a]) => (a - x) ** 2))
  const slope = spread === 0 ? 0 : total(points.map(([a, b]) => (a - x) * (b - y))) / spread
  const left = total(points.map(([a, b]) => (b - y - slope * (a - x)) ** 2))
  const degrees = points.length - 2
  return { slope, error: degrees < 1 ? Infinity : Math.sqrt(left / degrees / spread) }
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
