/** TLS of a serving registry: read at the start, and again without a pause when it is told to. */
import type { Server } from 'node:http'
import { Server as SecureServer } from 'node:https'
import type { UnixSeconds } from '../bytes/integers.ts'
import { secureOptions } from '../http/tls-material.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import type { RegistryConfig } from './config.ts'
import { readTlsFiles } from './tls-files.ts'
import type { ReadTls, TlsConfig } from './tls-files.ts'

export class ServedTls {
  readonly #files: TlsConfig
  readonly #report: RegistryConfig['report']
  #read: ReadTls

  private constructor(files: TlsConfig, report: RegistryConfig['report'], read: ReadTls) {
    this.#files = files
    this.#report = report
    this.#read = read
  }

  /** Undefined when TLS is not configured. Throws as {@link readTlsFiles}. */
  static async open({
    tls,
    report,
  }: Pick<RegistryConfig, 'tls' | 'report'>): Promise<ServedTls | undefined> {
    return tls === undefined ? undefined : new ServedTls(tls, report, await readTlsFiles(tls))
  }

  get material(): TlsMaterial {
    return this.#read
  }

  /** When the certificate ends that new connections are given. */
  get notAfter(): UnixSeconds {
    return this.#read.notAfter
  }

  /**
   * Reads the files again for connections to come. Files that cannot be used change nothing. Never
   * rejects.
   */
  async reload(server: Server): Promise<void> {
    try {
      const read = await readTlsFiles(this.#files)
      if (server instanceof SecureServer) server.setSecureContext(secureOptions(read))
      this.#read = read
      this.#report({ level: 'info', event: 'tls-reloaded', notAfter: read.notAfter })
    } catch (error) {
      const { message } = error as Error
      this.#report({ level: 'error', event: 'tls-not-reloaded', message })
    }
  }
}
