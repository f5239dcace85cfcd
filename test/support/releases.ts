/** What a test opened, closed after it whatever happened. */
import { afterEach } from 'vitest'

/** Pushed in the order of opening; the last is closed first. */
export function useReleases(): (() => unknown)[] {
  const releases: (() => unknown)[] = []
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release()
  })
  return releases
}
