/**
 * Which handler reads a payload that is no in-toto Statement, in one table by media type. JSON goes
 * through a schema; other bytes bring their own parser. A media type that is not here is no fault:
 * the statement is opaque.
 */
import { decodeUtf8 } from '../bytes/bytes.ts'
import type { BytesHandler } from './handler.ts'
import { asText } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import type { MediaType } from './media-types.ts'
import { cycloneDx } from './predicates/cyclonedx.ts'
import { looksLikeOpenVex, openvex } from './predicates/openvex.ts'
import { looksLikeOsv, osv } from './predicates/osv.ts'
import { looksLikeScorecard, scorecard } from './predicates/scorecard.ts'
import { looksLikeSecurityInsights, securityInsights } from './predicates/security-insights.ts'
import { spdx } from './predicates/spdx.ts'
import type { JsonEntry } from './predicates.ts'
import { cmwHandlers } from './tee/describe-cmw.ts'
import { containerHandlers } from './tee/describe-container.ts'
import { dcapHandlers } from './tee/describe-evidence.ts'
import { vendorHandlers } from './tee/describe-vendors.ts'

/** One of the two readers. */
export interface MediaHandler {
  readonly json?: JsonEntry
  readonly bytes?: BytesHandler
}

const CYCLONEDX: MediaHandler = { json: { schema: 'cyclonedx', handler: cycloneDx } }
const SPDX: MediaHandler = { json: { schema: 'spdx', handler: spdx } }
const OPENVEX: MediaHandler = { json: { schema: 'openvex', handler: openvex } }
const OSV: MediaHandler = { json: { schema: 'osv', handler: osv } }
const SCORECARD: MediaHandler = { json: { schema: 'scorecard', handler: scorecard } }
const SECURITY_INSIGHTS: MediaHandler = { bytes: securityInsights }

/**
 * Hardware evidence is read, so that it is found again by what it measures. Nothing in it is verified
 * here, and the description says so: a rule must not take it for proof of an environment.
 */
function unverified(handler: BytesHandler): BytesHandler {
  return {
    ...handler,
    describe: (input, out) => {
      handler.describe(input, out)
      out.finding('evidence-not-verified', 'the evidence was read and not verified')
    },
  }
}

const EVIDENCE: ReadonlyMap<string, BytesHandler> = new Map([
  ...dcapHandlers,
  ...vendorHandlers,
  ...containerHandlers,
])
const TEE: readonly (readonly [string, MediaHandler])[] = [
  ...EVIDENCE,
  ...cmwHandlers(EVIDENCE),
].map(([name, handler]) => [name, { bytes: unverified(handler) }])

/** By name, without parameters. */
const MEDIA_TYPES: ReadonlyMap<string, MediaHandler> = new Map<string, MediaHandler>([
  ['application/vnd.cyclonedx+json', CYCLONEDX],
  ['application/cyclonedx+json', CYCLONEDX],
  ['application/spdx+json', SPDX],
  // Nobody registered types for these; the names are what their communities would write.
  ['application/vnd.openvex+json', OPENVEX],
  ['application/openvex+json', OPENVEX],
  ['text/vex', OPENVEX],
  ['application/vnd.osv+json', OSV],
  ['application/osv+json', OSV],
  ['application/vnd.ossf.scorecard+json', SCORECARD],
  ['application/vnd.ossf.security-insights+yaml', SECURITY_INSIGHTS],
  ...TEE,
])

/** Who reads this media type, if anybody does. */
export function findMediaHandler({ name }: MediaType): MediaHandler | undefined {
  return MEDIA_TYPES.get(name)
}

/** Documents that say by themselves what they are, where the media type says only JSON or nothing. */
const BARE: readonly (readonly [says: (json: JsonObject) => boolean, handler: MediaHandler])[] = [
  [(json) => json['bomFormat'] === 'CycloneDX', CYCLONEDX],
  [(json) => asText(json['spdxVersion'])?.startsWith('SPDX-2.') === true, SPDX],
  [looksLikeOpenVex, OPENVEX],
  [looksLikeOsv, OSV],
  [looksLikeScorecard, SCORECARD],
]

const UNTELLING = ['', 'application/json', 'text/json', 'application/octet-stream']

/** Who reads JSON whose media type tells nothing. */
export function recogniseBareJson({ name }: MediaType, json: JsonObject): JsonEntry | undefined {
  if (!UNTELLING.includes(name)) return undefined
  return BARE.find(([says]) => says(json))?.[1].json
}

/** RFC 9512, and what was written before it. */
const YAML = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']

/** Who reads bytes whose media type says only how they are written. */
export function recogniseBytes({ name }: MediaType, bytes: Uint8Array): MediaHandler | undefined {
  if (!YAML.includes(name)) return undefined
  try {
    return looksLikeSecurityInsights(decodeUtf8(bytes)) ? SECURITY_INSIGHTS : undefined
  } catch {
    return undefined
  }
}
