/**
 * in-toto runtime-trace v0.1: what a monitor saw a build do. That `network` is there and empty is what
 * makes a trace evidence of a hermetic build; one that is absent says nothing.
 */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { runUrl } from '../source-names.ts'
import { describeSources } from './dependencies.ts'

export const runtimeTrace: JsonHandler = {
  kind: 'runtime-trace',
  describe: ({ predicate, at }, out) => {
    out.attribute('tool', memberAt(predicate, 'monitor', 'type'))
    const process = memberAt(predicate, 'monitoredProcess')
    const event = textAt(process, 'event')
    out.attribute('builder-id', memberAt(process, 'hostID'))
    out.attribute('build-type', memberAt(process, 'type'))
    out.attribute('invocation-id', event).attribute('run-url', runUrl(event))
    const network = memberAt(predicate, 'monitorLog', 'network')
    if (Array.isArray(network)) {
      out.attribute('property', network.length === 0 ? 'network:empty' : 'network:used')
    }
    describeSources(
      out,
      listAt(predicate, 'monitorLog', 'fileAccess'),
      `${at}/monitorLog/fileAccess`,
    )
    out.time('started-on', memberAt(predicate, 'metadata', 'buildStartedOn'))
    out.time('finished-on', memberAt(predicate, 'metadata', 'buildFinishedOn'))
  },
}
