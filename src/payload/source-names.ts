/**
 * How repositories, workflows and runs are written, in one form whatever wrote them, so that one query
 * finds them all: a repository as `https://host/owner/name`; a workflow as Fulcio writes it in
 * certificates, `<repository>/<path>@<ref>`; a run without its attempt.
 */

/** What a source URI such as `git+https://github.com/o/r@refs/heads/main` names. */
export interface SourceName {
  readonly repository: string
  readonly ref?: string
}

/** The repository, and the ref behind its `@`, of a URI with http or ssh in it; else nothing. */
export function parseSourceUri(text: string | undefined): SourceName | undefined {
  if (text === undefined || text.length > 2048) return undefined
  const found = /^(?:git\+)?((?:https?|ssh|git):\/\/[^\s?#]+)/.exec(text)
  if (found?.[1] === undefined) return undefined
  // A user before the host has an `@` too; a ref comes behind the path.
  const pathAt = found[1].indexOf('/', found[1].indexOf('://') + 3)
  const refAt = pathAt < 0 ? -1 : found[1].indexOf('@', pathAt)
  const whole = refAt < 0 ? found[1] : found[1].slice(0, refAt)
  const ref = refAt < 0 ? '' : found[1].slice(refAt + 1)
  const repository = whole.replace(/\/+$/, '').replace(/\.git$/, '')
  return ref === '' ? { repository } : { repository, ref }
}

/** The names that a workflow is found by: whole, and by its path alone. */
export function workflowNames(parts: {
  readonly repository?: string | undefined
  readonly path?: string | undefined
  readonly ref?: string | undefined
}): readonly string[] {
  const { path, ref } = parts
  if (path === undefined || path === '') return []
  const repository = parseSourceUri(parts.repository)?.repository
  if (repository === undefined) return [path]
  const whole = `${repository}/${path.replace(/^\/+/, '')}`
  return ref === undefined || ref === '' ? [path, whole] : [path, whole, `${whole}@${ref}`]
}

/** The URL of a run, without the attempt that GitHub writes behind it; nothing for other texts. */
export function runUrl(invocationId: string | undefined): string | undefined {
  if (invocationId === undefined || !/^https?:\/\/\S+$/.test(invocationId)) return undefined
  return invocationId.replace(/\/attempts\/\d+\/?$/, '')
}

/** True for an absolute URI as far as one can be told cheaply. */
export function isUri(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\u0000-\u001f\u007f]+$/.test(text)
}
