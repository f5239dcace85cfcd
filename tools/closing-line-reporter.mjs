/**
 * A vitest reporter that closes a run with one plain line, `N passed, N failed, N skipped`, which
 * scripts can read without knowing vitest. A file that does not load, a hook that fails and an error
 * outside of any test count as failures.
 * @import { Reporter } from 'vitest/node'
 */

/** @implements {Reporter} */
export class ClosingLineReporter {
  /** @type {NonNullable<Reporter['onTestRunEnd']>} */
  onTestRunEnd(testModules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of testModules) {
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) count[test.result().state] += 1
    }
    const skipped = count.skipped + count.pending
    console.log(`${count.passed} passed, ${count.failed} failed, ${skipped} skipped`)
  }
}
