/**
 * SLSA provenance v0.2, and v0.1, which is read like it: `recipe` there is `invocation` and the build
 * type here. Both are still written by many tools. v0.2 demands a build type; publishers leave it out,
 * so that is a finding.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { parseSourceUri, runUrl, workflowNames } from '../source-names.ts'
import { describeSources } from './dependencies.ts'
import { findNoUri } from './uri-finding.ts'

export const provenanceV0: JsonHandler = {
  kind: 'provenance',
  describe: ({ predicate, at }, out) => {
    const builderId = textAt(predicate, 'builder', 'id')
    const buildType = textAt(predicate, 'buildType') ?? textAt(predicate, 'recipe', 'type')
    out.attribute('builder-id', builderId).attribute('build-type', buildType)
    findNoUri(out, builderId, `${at}/builder/id`)
    if (buildType === undefined) {
      out.finding('build-type-missing', 'names no build type', `${at}/buildType`)
    }
    describeMetadata(out, objectAt(predicate, 'metadata'))
    describeConfigSource(out, objectAt(predicate, 'invocation', 'configSource'), at)
    describeSources(out, listAt(predicate, 'materials'), `${at}/materials`)
  },
}

function describeMetadata(out: DescriptionBuilder, metadata: unknown): void {
  const invocation = textAt(metadata, 'buildInvocationId') ?? textAt(metadata, 'buildInvocationID')
  out.attribute('invocation-id', invocation).attribute('run-url', runUrl(invocation))
  out.time('started-on', memberAt(metadata, 'buildStartedOn'))
  out.time('finished-on', memberAt(metadata, 'buildFinishedOn'))
  if (memberAt(metadata, 'reproducible') === true) out.attribute('property', 'reproducible')
}

function describeConfigSource(out: DescriptionBuilder, source: unknown, at: string): void {
  const name = parseSourceUri(textAt(source, 'uri'))
  describeSources(out, source === undefined ? [] : [source], `${at}/invocation/configSource`)
  const path = textAt(source, 'entryPoint')
  // An entry point is a file of the repository only where it looks like one.
  if (path === undefined || !/^[^\s]+\/[^\s]+\.ya?ml$/.test(path)) return
  const names = workflowNames({ repository: name?.repository, path, ref: name?.ref })
  for (const workflow of names) out.attribute('workflow', workflow)
}
