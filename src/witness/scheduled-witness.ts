/**
 * The witnesses of a policy that are asked, and when each may be asked again: not while it is busy, and ever more
 * seldom while it fails.
 */
import { StartError } from '../errors.ts'
import type { PolicyWitness, TlogPolicy } from '../note/tlog-policy.ts'
import type { WitnessLimits } from './limits.ts'
import { WitnessLink } from './witness-link.ts'
import type { LinkPorts } from './witness-link.ts'

/** One witness with what the schedule knows about it. */
export class ScheduledWitness {
  readonly link: WitnessLink
  isBusy = false
  failures = 0
  #notBeforeMs = 0

  constructor(link: WitnessLink) {
    this.link = link
  }

  mayBeAsked(nowMs: number): boolean {
    return !this.isBusy && this.#notBeforeMs <= nowMs
  }

  /** @param random 0 ≤ value < 1: spreads the retries of many logs. */
  failed(nowMs: number, random: number, { intervalMs, backoffMsMax }: WitnessLimits): void {
    const backoff = Math.min(backoffMsMax, intervalMs * 2 ** Math.min(this.failures, 30))
    this.failures += 1
    this.#notBeforeMs = nowMs + backoff * (0.5 + random / 2)
  }
}

/** @throws StartError `ERR_CONFIGURATION` for a policy without a witness that could be asked. */
export function scheduleWitnesses(policy: TlogPolicy, ports: LinkPorts): ScheduledWitness[] {
  return reachable(policy).map((witness) => new ScheduledWitness(new WitnessLink(witness, ports)))
}

function reachable(policy: TlogPolicy): (PolicyWitness & { readonly url: string })[] {
  const found = policy.witnesses.flatMap((witness) => {
    const { url } = witness
    return url === undefined ? [] : [{ ...witness, url: checkedUrl(witness.name, url) }]
  })
  if (found.length > 0) return found
  throw new StartError('ERR_CONFIGURATION', 'the witness policy has no witness with a URL to ask')
}

function checkedUrl(name: string, url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  throw new StartError('ERR_CONFIGURATION', `the URL of the witness ${name} is not http(s): ${url}`)
}
