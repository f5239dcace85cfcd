/**
 * Which handler reads which predicate type, in one table: a kind of statement is added here, with its
 * file in predicates/ and its schema in schemas/predicates/. A predicate type that is not here is no
 * fault: the statement is an in-toto Statement and no more (kind `in-toto`).
 */
import type { JsonHandler } from './handler.ts'
import { cycloneDx } from './predicates/cyclonedx.ts'
import { exception, EXCEPTION } from './predicates/exception.ts'
import { incident, INCIDENT } from './predicates/incident.ts'
import { link } from './predicates/link.ts'
import { npmPublish } from './predicates/npm-publish.ts'
import { oakEndorsement } from './predicates/oak-endorsement.ts'
import { openvex, OPENVEX_CONTEXT } from './predicates/openvex.ts'
import { provenanceV0 } from './predicates/provenance-v0.ts'
import { provenanceV1 } from './predicates/provenance-v1.ts'
import { reference } from './predicates/reference.ts'
import { release } from './predicates/release.ts'
import { retraction, RETRACTION } from './predicates/retraction.ts'
import { runOutcome } from './predicates/run-outcome.ts'
import { runtimeTrace } from './predicates/runtime-trace.ts'
import { s2c2fAssessment, S2C2F_ASSESSMENT } from './predicates/s2c2f-assessment.ts'
import { scai } from './predicates/scai.ts'
import { scorecard } from './predicates/scorecard.ts'
import { spdx } from './predicates/spdx.ts'
import { svr } from './predicates/svr.ts'
import { testResult } from './predicates/test-result.ts'
import { vsa } from './predicates/vsa.ts'
import { vulns } from './predicates/vulns.ts'
import type { SchemaName } from './schemas.generated.js'

/** A handler and the schema that goes before it. */
export interface JsonEntry {
  /** File name in schemas/predicates/ without `.schema.json`. */
  readonly schema: SchemaName
  readonly handler: JsonHandler
  /** The type of the same content that this one is written for; a finding says so. */
  readonly aliasOf?: string
  /** A draft's name: content that does not fit is not refused, and not taken for this kind. */
  readonly draft?: boolean
}

const SCAI = 'https://in-toto.io/attestation/scai/v0.3'
const SLSA_V1 = 'https://slsa.dev/provenance/v1'
const RELEASE = 'https://in-toto.io/attestation/release/v0.2'
const CYCLONEDX = 'https://cyclonedx.org/bom'
const SPDX = 'https://spdx.dev/Document'
const OPENVEX: JsonEntry = { schema: 'openvex', handler: openvex }

/** By exact predicate type. */
const PREDICATES: ReadonlyMap<string, JsonEntry> = new Map<string, JsonEntry>([
  // provenance
  [SLSA_V1, { schema: 'slsa-provenance-v1', handler: provenanceV1 }],
  [
    'https://slsa.dev/provenance/v1.0',
    { schema: 'slsa-provenance-v1', handler: provenanceV1, aliasOf: SLSA_V1, draft: true },
  ],
  ['https://slsa.dev/provenance/v0.2', { schema: 'slsa-provenance-v0', handler: provenanceV0 }],
  ['https://slsa.dev/provenance/v0.1', { schema: 'slsa-provenance-v0', handler: provenanceV0 }],
  ['https://slsa.dev/verification_summary/v1', { schema: 'slsa-vsa-v1', handler: vsa }],
  ['https://in-toto.io/attestation/svr/v0.2', { schema: 'svr-v0.2', handler: svr }],
  [SCAI, { schema: 'scai-v0.3', handler: scai }],
  [
    'https://in-toto.io/attestation/scai/attribute-report/v0.2',
    { schema: 'scai-v0.3', handler: scai, aliasOf: SCAI },
  ],
  [RELEASE, { schema: 'release', handler: release }],
  ['https://in-toto.io/attestation/release/v0.1', { schema: 'release', handler: release }],
  ['https://in-toto.io/attestation/link/v0.3', { schema: 'link-v0.3', handler: link }],
  [
    'https://in-toto.io/attestation/reference/v0.1',
    { schema: 'reference-v0.1', handler: reference },
  ],
  [
    'https://in-toto.io/attestation/runtime-trace/v0.1',
    { schema: 'runtime-trace-v0.1', handler: runtimeTrace },
  ],
  ['https://attestry.dev/run-outcome/v0.1', { schema: 'run-outcome-v0.1', handler: runOutcome }],
  [
    'https://github.com/npm/attestation/tree/main/specs/publish/v0.1',
    { schema: 'npm-publish-v0.1', handler: npmPublish },
  ],
  [
    'https://project-oak.github.io/oak/tr/endorsement/v1',
    { schema: 'oak-endorsement-v1', handler: oakEndorsement },
  ],
  [CYCLONEDX, { schema: 'cyclonedx', handler: cycloneDx }],
  [SPDX, { schema: 'spdx', handler: spdx }],
  // dependency evaluations
  ['https://scorecard.dev/result/v0.1', { schema: 'scorecard', handler: scorecard }],
  ['https://in-toto.io/attestation/vulns/v0.2', { schema: 'vulns-v0.2', handler: vulns }],
  ['https://in-toto.io/attestation/vulns/v0.1', { schema: 'vulns-v0.1', handler: vulns }],
  [OPENVEX_CONTEXT, OPENVEX],
  // OpenVEX's own example; no URI, hence read by name alone (in-toto.ts).
  ['text/vex', { ...OPENVEX, aliasOf: OPENVEX_CONTEXT }],
  [
    'https://in-toto.io/attestation/test-result/v0.1',
    { schema: 'test-result', handler: testResult },
  ],
  [S2C2F_ASSESSMENT, { schema: 's2c2f-assessment', handler: s2c2fAssessment }],
  // governance
  [INCIDENT, { schema: 'incident', handler: incident }],
  [EXCEPTION, { schema: 'exception', handler: exception }],
  [RETRACTION, { schema: 'retraction', handler: retraction }],
])

/** By what the predicate type begins with, where versions are written behind it. */
const PREFIXES: readonly (readonly [prefix: string, entry: JsonEntry])[] = [
  [`${CYCLONEDX}/v`, { schema: 'cyclonedx', handler: cycloneDx }],
  [`${SPDX}/v`, { schema: 'spdx', handler: spdx }],
  [`${OPENVEX_CONTEXT}/`, OPENVEX],
]

/** Who reads this predicate type, if anybody does. */
export function findPredicate(predicateType: string): JsonEntry | undefined {
  return (
    PREDICATES.get(predicateType) ??
    PREFIXES.find(([prefix]) => predicateType.startsWith(prefix))?.[1]
  )
}

/** Every predicate type that has a reader, for tests: none goes without cases. */
export const PREDICATE_TYPES: readonly string[] = [...PREDICATES.keys()]
