/** A copy of a log in memory. */
import type { MirrorTarget } from '../../src/monitor/copy-block.ts'
import type { Resources } from './log-forge.ts'

export class MemoryTarget implements MirrorTarget {
  readonly name = 'copy'
  readonly files: Resources = new Map()
  readonly written: string[] = []

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path)
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.written.push(path)
    this.files.set(path, bytes)
  }

  async removePartials(path: string): Promise<void> {
    for (const name of this.files.keys()) {
      if (name.startsWith(`${path}.p/`)) this.files.delete(name)
    }
  }

  async sync(): Promise<void> {
    // Memory keeps everything.
  }
}
