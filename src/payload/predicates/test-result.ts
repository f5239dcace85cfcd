/** Results of a test run (in-toto test-result v0.1). A bad result is welcome; it is a result. */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { listAt, textAt } from '../json-members.ts'

export const testResult: JsonHandler = { kind: 'test-result', describe }

function describe({ predicate, at }: JsonInput, out: DescriptionBuilder): void {
  const result = textAt(predicate, 'result')
  out.attribute('result', result)
  out.attribute('run-url', textAt(predicate, 'url'))
  out.descriptors('evidence', listAt(predicate, 'configuration'), `${at}/configuration`)
  if (result === 'PASSED' && listAt(predicate, 'failedTests').length > 0) {
    const message = 'the result is PASSED, and tests are listed that failed'
    out.finding('result-contradicts-tests', message, `${at}/result`)
  }
}
