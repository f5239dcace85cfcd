/**
 * The one port through which `monitor/` sees a log: resources by their path below the log's prefix,
 * the same for a server, a static web server and a directory of exported files (design D10). Readers
 * are `http-reader.ts` and, for directories, `app/directory-reader.ts`.
 */

/** Reads resources of one log. */
export interface ResourceReader {
  /** URL or directory, for messages. */
  readonly name: string
  /** It may answer look-ups, with a query behind the path; directories and mirrors do not. */
  readonly hasIndex?: boolean
  /**
   * The bytes at a path without a leading slash; `undefined` when there is nothing.
   * @throws UnavailableError when it cannot be told whether there is something.
   * @throws InputError `ERR_RESPONSE` for more than `bytesMax` bytes.
   */
  read(path: string, bytesMax: number): Promise<Uint8Array | undefined>
}

/** Joins a path below a prefix that has no trailing slash. */
export function resourceUrl(prefix: string, path: string): string {
  return `${prefix}/${path}`
}
