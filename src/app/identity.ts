/**
 * The two names of a log: its origin, a URL without scheme as in C2SP checkpoints, which is the
 * `sub` of its tree heads, and its issuer, the https URL under which its keys are found, which is
 * their `iss`. Both are fixed when the log is created.
 */
import { StartError } from '../errors.ts'

const ORIGIN_LENGTH_MAX = 255

/** The names of one log. */
export interface LogNames {
  readonly origin: string
  readonly issuer: string
}

/**
 * Reads `--origin`: `log.example.org/2026`, or the issuer's whole URL.
 * @throws StartError `ERR_CONFIGURATION` for anything that cannot stand in a checkpoint or a URL.
 */
export function parseOrigin(text: string): LogNames {
  const [, scheme = 'https://', origin = ''] = /^(https?:\/\/)?(.*)$/s.exec(text) ?? []
  const issuer = `${scheme}${origin}`
  const isPlain = /^[\x21-\x7e]+$/.test(origin) && !/[+?#@\\]/.test(origin) && !origin.endsWith('/')
  if (!isPlain || origin.length > ORIGIN_LENGTH_MAX || !URL.canParse(issuer)) {
    throw new StartError(
      'ERR_CONFIGURATION',
      `an origin is a host name with an optional path, like log.example.org/2026, not "${text}"`,
    )
  }
  return { origin, issuer }
}
