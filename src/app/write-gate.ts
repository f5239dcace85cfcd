/**
 * Whether anything new may be stored: not while the log is frozen, and not while the disk is nearly
 * full. Looks from time to time, so that a registration costs one comparison.
 */
import { UnavailableError } from '../errors.ts'
import type { WriteGate } from '../registry/ports.ts'
import type { RegistryConfig } from './config.ts'
import { DiskSpace, guardFolder } from './disk-space.ts'
import type { DiskPlace } from './disk-space.ts'
import { readFrozen } from './frozen.ts'
import type { Frozen } from './frozen.ts'

/** `attestry freeze` promises a second. */
const FROZEN_LOOK_MS = 500
const DISK_LOOK_MS = 5000
/** Neither ends by itself soon; clients of SCRAPI give up on longer waits. */
const RETRY_AFTER_SECONDS = 30

export class ServedWriteGate implements WriteGate {
  readonly #config: Pick<RegistryConfig, 'paths' | 'report'>
  readonly #disk: DiskSpace
  #frozen: Frozen | undefined
  #timers: NodeJS.Timeout[] = []

  private constructor(config: Pick<RegistryConfig, 'paths' | 'report'>, disk: DiskSpace) {
    this.#config = config
    this.#disk = disk
  }

  /** Has looked once, so that a frozen log takes nothing after a restart either. */
  static async open({
    paths,
    report,
    diskFloorBytes: floorBytes,
  }: Pick<RegistryConfig, 'paths' | 'report' | 'diskFloorBytes'>): Promise<ServedWriteGate> {
    const guard = guardFolder(paths.guard)
    const disk = new DiskSpace({
      report,
      floorBytes,
      places: [
        { name: 'data', path: paths.directory },
        ...(guard === undefined ? [] : [{ name: 'guard' as const, path: guard }]),
      ],
    })
    const gate = new ServedWriteGate({ paths, report }, disk)
    gate.#lookFrozen()
    await disk.look()
    gate.#timers = [
      setInterval(() => gate.#lookFrozen(), FROZEN_LOOK_MS).unref(),
      setInterval(() => void disk.look(), DISK_LOOK_MS).unref(),
    ]
    return gate
  }

  get frozen(): Frozen | undefined {
    return this.#frozen
  }

  get disks(): readonly DiskPlace[] {
    return this.#disk.places
  }

  get isDiskLow(): boolean {
    return this.#disk.isLow
  }

  readonly refusal = (): UnavailableError | undefined => {
    const options = { retryAfterSeconds: RETRY_AFTER_SECONDS }
    if (this.#frozen !== undefined) {
      return new UnavailableError('ERR_LOG_FROZEN', 'the log is frozen', options)
    }
    if (!this.#disk.isLow) return undefined
    return new UnavailableError('ERR_DISK_FLOOR', 'too little disk space is left', options)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  #lookFrozen(): void {
    const { paths, report } = this.#config
    const before = this.#frozen
    this.#frozen = readFrozen(paths)
    if ((before === undefined) === (this.#frozen === undefined)) return
    if (this.#frozen === undefined) report({ level: 'info', event: 'unfrozen' })
    else report({ level: 'info', event: 'frozen', ...this.#frozen })
  }
}
