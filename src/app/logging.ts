/**
 * The operator's log: one JSON object a line, with level and time first. Everything that happens goes
 * through here as an event; statements, payloads and tokens never do. Long texts are cut, because a
 * client's words may be in them.
 */
import { pino } from 'pino'
import type { ServiceEvent } from './config.ts'

/** Longest text of a field. A stack of ours is shorter. */
const TEXT_MAX = 8192

/**
 * Makes what events are reported to.
 * @param write takes a line with its end; it escapes what terminals act on.
 */
export function createEventLog(write: (line: string) => void): (event: ServiceEvent) => void {
  const logger = pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }), log: cutTexts },
    },
    { write },
  )
  return ({ level, ...fields }) => logger[level](fields)
}

function cutTexts(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > TEXT_MAX
        ? `${value.slice(0, TEXT_MAX)}… (${value.length} characters)`
        : value,
    ]),
  )
}
