/**
 * Whether this registry can do its work: it verifies the signature of its own current head with a
 * key that it publishes, as a relying party would. A log that has stopped is not healthy.
 */
import { encodeBase64url } from '../bytes/base64.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { TreeSize, UnixSeconds } from '../bytes/integers.ts'
import { HEADER } from '../cose/labels.ts'
import { parseSign1 } from '../cose/parse-sign1.ts'
import { verifySignedTreeHead } from '../cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { AttestryError, UnavailableError } from '../errors.ts'
import type { RegistryPorts } from './ports.ts'
import type { ServiceKeys } from './service-keys.ts'

/** What `GET /health` says. Nothing in it is secret. */
export interface Health {
  readonly status: 'ok' | 'failing'
  readonly issuer: string
  readonly origin: string
  readonly treeSize: TreeSize
  readonly rootHash: string
  readonly registrationTime: UnixSeconds
  /** base64url kid of the key that signed the current head. */
  readonly keyId: string
  /** Machine code of what is wrong, when something is. */
  readonly failure?: string
  /** Whether anything new is registered. A log that is only read is healthy. */
  readonly registrations: RegistrationHealth
  /** Look-ups. They fail alone: a registry without an index registers and proves. */
  readonly index: IndexHealth
}

export interface RegistrationHealth {
  readonly status: 'accepted' | 'refused'
  /** Machine code that registrations are refused with. */
  readonly reason?: string
}

export interface IndexHealth {
  /** `failing`: it does not grow, or cannot be read; the operator's events say why. */
  readonly status: 'ok' | 'failing' | 'off'
  /** Entries that look-ups cover. */
  readonly treeSize?: TreeSize
}

/** Reads the log's state and verifies its current head. Never throws for a failing log. */
export async function checkHealth(ports: RegistryPorts, keys: ServiceKeys): Promise<Health> {
  const head = ports.log.currentHead()
  const kid = keyIdOf(head)
  const failure = ports.stopped()
    ? 'ERR_LOG_STOPPED'
    : ((await verifyHead(head, kid, { ports, keys })) ?? unreachableStore(ports))
  return {
    status: failure === undefined ? 'ok' : 'failing',
    issuer: ports.issuer,
    origin: ports.origin,
    treeSize: head.treeHead.treeSize,
    rootHash: encodeHex(head.treeHead.rootHash),
    registrationTime: head.registrationTime,
    keyId: encodeBase64url(kid),
    ...(failure === undefined ? {} : { failure }),
    registrations: checkRegistrations(ports, failure),
    index: await checkIndex(ports),
  }
}

/** A node of several that has lost the guard still reads; one that has lost the store does not. */
function unreachableStore({ log }: RegistryPorts): string | undefined {
  return log.failure === 'ERR_STORE_UNREACHABLE' ? log.failure : undefined
}

function checkRegistrations(
  { log, writes }: RegistryPorts,
  failure: string | undefined,
): RegistrationHealth {
  const reason = failure ?? log.failure ?? writes?.refusal()?.code
  return reason === undefined ? { status: 'accepted' } : { status: 'refused', reason }
}

async function checkIndex({ index }: RegistryPorts): Promise<IndexHealth> {
  if (index === undefined) return { status: 'off' }
  try {
    const { treeSize, failure } = await index.readState()
    return { status: failure === undefined ? 'ok' : 'failing', treeSize }
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error
    return { status: 'failing' }
  }
}

function keyIdOf(head: SignedTreeHead): Uint8Array {
  const kid = parseSign1(head.bytes).protectedHeader.get(HEADER.keyId)
  return kid instanceof Uint8Array ? kid : new Uint8Array(0)
}

async function verifyHead(
  head: SignedTreeHead,
  kid: Uint8Array,
  { ports, keys }: { readonly ports: RegistryPorts; readonly keys: ServiceKeys },
): Promise<string | undefined> {
  const key = keys.findKey(kid)
  if (key === undefined) return 'ERR_KEY_UNKNOWN'
  try {
    await verifySignedTreeHead({ head, key, verifier: ports.verifier })
    return undefined
  } catch (error) {
    if (error instanceof AttestryError) return (error as AttestryError).code
    throw error
  }
}
