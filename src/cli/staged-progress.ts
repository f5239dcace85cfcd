/** Progress of work in stages: a bar for each, one after the other. */
import { Progress } from './progress.ts'

export class StagedProgress {
  readonly #options: { readonly quiet: boolean }
  #stage: { readonly label: string; readonly bar: Progress } | undefined

  constructor(options: { readonly quiet: boolean }) {
    this.#options = options
  }

  update(label: string, done: number, total: number): void {
    if (this.#stage?.label !== label) {
      this.end()
      this.#stage = { label, bar: new Progress(label, this.#options) }
    }
    this.#stage.bar.update(done, total)
  }

  end(): void {
    this.#stage?.bar.end()
  }
}
