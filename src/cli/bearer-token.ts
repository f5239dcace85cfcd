/**
 * A bearer token for registering: from a file or the environment, never from the command line, where
 * every process of the machine can read it. It goes out with registrations and payloads, nothing else.
 */
import type { Fetch } from '../client/exchange.ts'
import { CliError } from './cli-error.ts'
import { readInput } from './files.ts'

const TOKEN_BYTES_MAX = 16 * 1024

/** @throws CliError when the file cannot be read or holds no token. */
export async function readToken(path: string | undefined): Promise<string | undefined> {
  const text =
    path === undefined
      ? (process.env['ATTESTRY_TOKEN'] ?? '')
      : new TextDecoder().decode(await readInput(path, TOKEN_BYTES_MAX))
  const token = text.trim()
  if (token === '' && path === undefined) return undefined
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token
  throw new CliError('ERR_USAGE', `${path ?? 'ATTESTRY_TOKEN'} holds no bearer token`)
}

/** Adds the token to what is posted or put; what is read needs none. */
export function bearerFetch(token: string): Fetch {
  return (url, init) => {
    if (init.method !== 'POST' && init.method !== 'PUT') return fetch(url, init)
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${token}`)
    return fetch(url, { ...init, headers })
  }
}
