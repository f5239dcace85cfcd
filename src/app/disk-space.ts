/**
 * Watches the space that is left where the log and its guard are, so that new work is shed before a
 * write fails: a full disk ends the process, and may take the room that a repair needs. Reads need
 * no space and are never shed.
 */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RegistryConfig, ServiceEvent } from './config.ts'

/** Free bytes of one place; undefined while they cannot be told. */
export interface DiskPlace {
  readonly name: 'data' | 'guard'
  readonly path: string
  readonly freeBytes: number | undefined
}

export interface DiskSpaceOptions extends Pick<RegistryConfig, 'report'> {
  readonly places: readonly Omit<DiskPlace, 'freeBytes'>[]
  /** Below this much nothing new is taken; 0 never sheds. */
  readonly floorBytes: number
  /** Bytes that this process may still write at a path. */
  readonly readFree?: (path: string) => Promise<number>
}

/** Once below the floor, this much more than it has to be free: otherwise it would come and go. */
const RECOVERY_PERCENT = 110

export class DiskSpace {
  readonly #options: DiskSpaceOptions
  #places: readonly DiskPlace[]
  #isLow = false

  constructor(options: DiskSpaceOptions) {
    this.#options = options
    this.#places = options.places.map((place) => ({ ...place, freeBytes: undefined }))
  }

  /** What the last look found. */
  get places(): readonly DiskPlace[] {
    return this.#places
  }

  /** True while nothing new should be written. */
  get isLow(): boolean {
    return this.#isLow
  }

  /** Looks. Never rejects: space that cannot be told sheds nothing, and is told to the operator. */
  async look(): Promise<void> {
    const { readFree = freeBytesAt } = this.#options
    this.#places = await Promise.all(
      this.#places.map(async (place) => {
        try {
          return { ...place, freeBytes: await readFree(place.path) }
        } catch (error) {
          const { message } = error as Error
          // Told when it begins.
          if (place.freeBytes !== undefined) this.#report('disk-unknown', { message })
          return { ...place, freeBytes: undefined }
        }
      }),
    )
    this.#judge()
  }

  #judge(): void {
    const { floorBytes } = this.#options
    const needed = this.#isLow ? (floorBytes / 100) * RECOVERY_PERCENT : floorBytes
    const low = this.#places.filter(({ freeBytes = Infinity }) => freeBytes < needed)
    const isLow = low.length > 0
    if (isLow === this.#isLow) return
    this.#isLow = isLow
    const fields = { floorBytes, places: isLow ? low : this.#places }
    this.#report(isLow ? 'disk-low' : 'disk-recovered', fields, isLow ? 'error' : 'info')
  }

  #report(event: string, fields: object, level: ServiceEvent['level'] = 'error'): void {
    this.#options.report({ level, event, ...fields })
  }
}

/** The folder of a guard that is a file; a guard elsewhere has a disk of its own. */
export function guardFolder(guard: string): string | undefined {
  return guard.includes('://') ? undefined : dirname(guard)
}

async function freeBytesAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}
