/** What the use cases of a registry are given: its open parts, behind the ports of `registry/ports.ts`. */
import { loadSigner } from '../keys/file-signer.ts'
import { nativeDigest, nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { OidcTokens } from '../keys/oidc-tokens.ts'
import type { ApiTokenStore, RefusalStore } from '../log/operator-tables.ts'
import type { PayloadStore } from '../log/payload-store.ts'
import { NamedPayloads } from '../registry/named-payloads.ts'
import type { Registrar, RegistryPorts } from '../registry/ports.ts'
import type { SigstoreBundleVerifier } from '../sigstore/sigstore-bundle-verifier.ts'
import type { RegistryConfig } from './config.ts'
import type { Ending } from './ending.ts'
import type { Indexing } from './indexing.ts'
import type { ServiceMetrics } from './metrics.ts'
import type { OpenedLog } from './open-log.ts'
import { followRules } from './rules.ts'
import type { Scrubbing } from './scrubbing.ts'
import { createSubmitters } from './submitters.ts'
import type { Traces } from './traces.ts'
import { readVersion } from './version.ts'
import type { Witnessing } from './witnessing.ts'
import type { ServedWriteGate } from './write-gate.ts'

/** What is open once a registry has started. */
export interface RegistryParts {
  readonly opened: OpenedLog
  readonly witnessing: Witnessing | undefined
  readonly refusals: RefusalStore
  readonly oidc: OidcTokens
  readonly tokens: ApiTokenStore
  readonly payloads: PayloadStore
  readonly bundles: SigstoreBundleVerifier
  readonly indexing: Indexing | undefined
  readonly gate: ServedWriteGate
  readonly scrubbing: Scrubbing | undefined
  readonly metrics: ServiceMetrics | undefined
  readonly traces: Traces | undefined
  readonly ending: Ending
}

export async function registryPorts(
  { clock, answerWithinMs, submitters }: RegistryConfig,
  parts: RegistryParts,
): Promise<RegistryPorts> {
  const { opened, witnessing, refusals, tokens, payloads, bundles, indexing, ending } = parts
  const { gate, metrics, traces, oidc } = parts
  const { log, names, serviceKeys, checkpointKeys } = opened
  const rules = await followRules(log)
  return {
    ...names,
    log: witnessing?.log ?? log,
    ...(witnessing === undefined ? {} : { witnesses: witnessing.witnesses }),
    ...(indexing === undefined ? {} : { index: indexing.reader, pace: () => indexing.pace() }),
    serviceKeys,
    checkpointSigners: checkpointKeys.signers,
    retiredCheckpointKeys: checkpointKeys.retired,
    refusals: metrics?.countRefusals(refusals) ?? refusals,
    writes: gate,
    ...(traces === undefined ? {} : { spans: traces.registrations }),
    submitters: createSubmitters({
      ...{ tokens, clock, issuer: names.issuer, required: submitters.required },
      oidc,
    }),
    payloads: {
      store: payloads,
      startDigest: nativeDigest,
      onStored: (name) => indexing?.payloadStored(name),
      named: new NamedPayloads(),
    },
    clock,
    answerWithinMs,
    rules,
    verifier: nodeVerifier,
    bundles,
    hasher: nativeHasher,
    sha256: nativeSha256,
    stopped: () => ending.isFatal,
  }
}

/** Who signs the journal, and which build that is. */
export async function openRegistrar({ paths }: RegistryConfig): Promise<Registrar> {
  const signer = await loadSigner(paths.registrarKey)
  return { signer, build: `attestry ${await readVersion()}` }
}
