/**
 * Whether anything new may be stored: not while the log is frozen, and not while the disk is nearly
 * full. Looks from time to time, so that a registration costs one comparison.
 */
import { UnavailableError } from '../errors.ts'
import { FROZEN_RETRY_SECONDS, logFrozen } from '../log/answers.ts'
import type { FreezeStore } from '../log/operator-tables.ts'
import type { WriteGate } from '../registry/ports.ts'
import type { RegistryConfig } from './config.ts'
import { DiskSpace, guardFolder } from './disk-space.ts'
import type { DiskPlace } from './disk-space.ts'
import { readFrozen } from './frozen.ts'
import type { Frozen } from './frozen.ts'
import { openFreezes } from './stores.ts'

/** `attestry freeze` promises a second. */
const FROZEN_LOOK_MS = 500
const DISK_LOOK_MS = 5000

export class ServedWriteGate implements WriteGate {
  readonly #config: Pick<RegistryConfig, 'paths' | 'report'>
  readonly #disk: DiskSpace
  readonly #freezes: FreezeStore | undefined
  #frozen: Frozen | undefined
  #isUnknown = false
  #looking: Promise<void> | undefined
  #timers: NodeJS.Timeout[] = []

  private constructor(
    config: Pick<RegistryConfig, 'paths' | 'report'>,
    { disk, freezes }: { readonly disk: DiskSpace; readonly freezes: FreezeStore | undefined },
  ) {
    this.#config = config
    this.#disk = disk
    this.#freezes = freezes
  }

  /**
   * Has looked once, so that a frozen log takes nothing after a restart either. The log has to be open:
   * that brings its tables up to date.
   * @throws UnavailableError `ERR_STORE_UNREACHABLE` when nobody can tell whether it is frozen.
   */
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
    const freezes = await openFreezes(paths)
    const gate = new ServedWriteGate({ paths, report }, { disk, freezes })
    try {
      gate.#found(readFrozen(paths) ?? (await freezes?.read()))
      await disk.look()
    } catch (error) {
      await freezes?.close()
      throw error
    }
    gate.#timers = [
      setInterval(() => gate.#look(), FROZEN_LOOK_MS).unref(),
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
    if (this.#frozen !== undefined) return logFrozen()
    if (!this.#disk.isLow) return undefined
    const options = { retryAfterSeconds: FROZEN_RETRY_SECONDS }
    return new UnavailableError('ERR_DISK_FLOOR', 'too little disk space is left', options)
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#looking
    await this.#freezes?.close()
  }

  /** One look at a time: a store may take long to say that it cannot be reached. */
  #look(): void {
    this.#looking ??= this.#lookFrozen().finally(() => (this.#looking = undefined))
  }

  /** Never rejects. What the store does not say stays as it was: no commit passes it either way. */
  async #lookFrozen(): Promise<void> {
    try {
      this.#found(readFrozen(this.#config.paths) ?? (await this.#freezes?.read()))
      this.#isUnknown = false
    } catch (error) {
      if (this.#isUnknown) return
      this.#isUnknown = true
      const { message } = error as Error
      this.#config.report({ level: 'error', event: 'frozen-unknown', message })
    }
  }

  #found(frozen: Frozen | undefined): void {
    const { report } = this.#config
    const before = this.#frozen
    this.#frozen = frozen
    if ((before === undefined) === (this.#frozen === undefined)) return
    if (this.#frozen === undefined) report({ level: 'info', event: 'unfrozen' })
    else report({ level: 'info', event: 'frozen', ...this.#frozen })
  }
}
