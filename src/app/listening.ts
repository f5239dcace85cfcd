/** Opens a listening socket, and says where it is. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StartError } from '../errors.ts'

/** Where to listen; port 0 is any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/**
 * Listens and returns the URL.
 * @throws StartError `ERR_CONFIGURATION` when the address cannot be used.
 */
export async function listen(
  server: Server,
  { host, port }: ListenAddress,
  scheme: 'http' | 'https' = 'http',
): Promise<string> {
  // An IPv6 address may come as URLs have it.
  server.listen(port, host.replace(/^\[(.+)\]$/, '$1'))
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { message } = cause as Error
    throw new StartError('ERR_CONFIGURATION', `cannot listen on ${host}:${port}: ${message}`, {
      cause,
    })
  }
  const { address, family, port: actual } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${actual}`
}
