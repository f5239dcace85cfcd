/**
 * Run outcome v0.1, a predicate of Attestry's own (R30): the orchestrator says how a CI run ended and
 * what set it off. A failed run's artifacts may carry valid provenance all the same, which is why
 * this is stated apart, and by another identity than the workflow's own.
 */
import type { JsonHandler } from '../handler.ts'
import { memberAt, textAt } from '../json-members.ts'
import { parseSourceUri, runUrl, workflowNames } from '../source-names.ts'
import { findNoUri } from './uri-finding.ts'

export const runOutcome: JsonHandler = {
  kind: 'run-outcome',
  describe: ({ predicate, at }, out) => {
    const orchestrator = textAt(predicate, 'orchestrator', 'id')
    out.attribute('attester-id', orchestrator)
    findNoUri(out, orchestrator, `${at}/orchestrator/id`)
    const invocation = textAt(predicate, 'run', 'invocationId')
    out.attribute('invocation-id', invocation)
    out.attribute('run-url', runUrl(textAt(predicate, 'run', 'url') ?? invocation))
    out.attribute('result', memberAt(predicate, 'conclusion'))
    out.attribute('property', `event:${String(memberAt(predicate, 'event'))}`)
    const [repository, path, ref] = ['repository', 'path', 'ref'].map((name) =>
      textAt(predicate, 'workflow', name),
    )
    out.attribute('repository', parseSourceUri(repository)?.repository)
    for (const name of workflowNames({ repository, path, ref })) out.attribute('workflow', name)
    out.time('started-on', memberAt(predicate, 'startedOn'))
    out.time('finished-on', memberAt(predicate, 'finishedOn'))
  },
}
