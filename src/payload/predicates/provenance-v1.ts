/**
 * SLSA provenance v1 (slsa.dev/spec/v1.2/build-provenance): who built what from what. The builder's
 * level is not here: a consumer's own table decides it from the builder id (statements.md §3.2).
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { runUrl, workflowNames } from '../source-names.ts'
import { describeSources, imageOf } from './dependencies.ts'
import { findNoUri } from './uri-finding.ts'

export const provenanceV1: JsonHandler = {
  kind: 'provenance',
  describe: ({ predicate, at }, out) => {
    const definition = objectAt(predicate, 'buildDefinition')
    const run = objectAt(predicate, 'runDetails')
    const builderId = textAt(run, 'builder', 'id')
    const buildType = textAt(definition, 'buildType')
    out.attribute('builder-id', builderId).attribute('build-type', buildType)
    findNoUri(out, builderId, `${at}/runDetails/builder/id`)
    findNoUri(out, buildType, `${at}/buildDefinition/buildType`)
    const invocation = textAt(run, 'metadata', 'invocationId')
    out.attribute('invocation-id', invocation).attribute('run-url', runUrl(invocation))
    out.time('started-on', memberAt(run, 'metadata', 'startedOn'))
    out.time('finished-on', memberAt(run, 'metadata', 'finishedOn'))
    const dependencies = listAt(definition, 'resolvedDependencies')
    describeSources(out, dependencies, `${at}/buildDefinition/resolvedDependencies`)
    describeParameters(out, objectAt(definition, 'externalParameters'))
    const tools = listAt(run, 'builder', 'builderDependencies')
    describeSources(out, tools, `${at}/runDetails/builder/builderDependencies`)
    for (const tool of tools) out.attribute('build-image', imageOf(tool))
    out.descriptors('evidence', listAt(run, 'byproducts'), `${at}/runDetails/byproducts`)
  },
}

/** Parameters that well-known build types share: GitHub's workflow, and a container to build in. */
function describeParameters(out: DescriptionBuilder, parameters: unknown): void {
  const [repository, path, ref] = ['repository', 'path', 'ref'].map((name) =>
    textAt(parameters, 'workflow', name),
  )
  if (repository !== undefined) describeSources(out, [{ uri: repository }])
  for (const name of workflowNames({ repository, path, ref })) out.attribute('workflow', name)
  const image = objectAt(parameters, 'builderImage')
  out.attribute('build-image', imageOf(image))
  out.digestSet('dependency', image?.['digest'])
  const source = objectAt(parameters, 'source')
  if (source !== undefined) describeSources(out, [source])
}
