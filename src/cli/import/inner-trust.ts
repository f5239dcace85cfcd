/**
 * What bundles are verified with before they are signed: root files and keys that were named, or, where
 * none was, what the registry itself says that it verifies with. That is the registry's word; it will
 * verify the same again, so all it can do by lying is refuse later.
 */
import { decodeBase64 } from '../../bytes/base64.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { QueryClient } from '../../client/query-client.ts'
import { publicKeyFromSpki } from '../../cose/public-key.ts'
import { AttestryError, InputError } from '../../errors.ts'
import { parseRfc3339 } from '../../payload/rfc3339.ts'
import { listAt, textAt } from '../../payload/json-members.ts'
import { parseTrustedRoots, trustedRootDigest } from '../../payload/trusted-root.ts'
import type { InnerAnchors, InnerKey, SigstoreRoot } from '../../policy/inner-anchors.ts'
import {
  parseRegistrationPolicy,
  readTrustAnchorsDocument,
} from '../../policy/registration-policy.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import { CliError } from '../cli-error.ts'
import { readInput } from '../files.ts'

export interface InnerTrustOptions {
  readonly url: string
  readonly root?: readonly string[]
  readonly npmKeys?: string
}

/** @throws CliError `ERR_USAGE` when nothing is named and the registry names nothing. */
export async function readInnerTrust(options: InnerTrustOptions): Promise<InnerAnchors> {
  const { url, root = [], npmKeys } = options
  const named = npmKeys === undefined ? [] : readNpmKeys(await readInput(npmKeys))
  if (root.length > 0) {
    const sigstoreRoots = []
    for (const path of root) sigstoreRoots.push(rootOf(path, await readInput(path)))
    return { sigstoreRoots, dsseKeys: named }
  }
  const { sigstoreRoots, dsseKeys } = await askRegistry(url)
  if (sigstoreRoots.length > 0) return { sigstoreRoots, dsseKeys: [...named, ...dsseKeys] }
  throw new CliError('ERR_USAGE', 'nothing says under which Sigstore root the bundles verify', {
    hint: 'name it: --root trusted_root.json (gh attestation trusted-root prints them); this registry names none',
  })
}

function rootOf(name: string, trustedRoot: Uint8Array): SigstoreRoot {
  parseTrustedRoots(trustedRoot)
  return { name, digest: trustedRootDigest(trustedRoot), trustedRoot }
}

/**
 * npm's `keys.json`, as Sigstore's TUF repository has it (`npm:attestations`), or as the registry
 * serves it under `/-/npm/v1/keys`.
 * @throws InputError `ERR_TRUST_CONFIGURATION` for a file without such keys.
 */
function readNpmKeys(bytes: Uint8Array): readonly InnerKey[] {
  const json = parseStrictJson(bytes, { code: 'ERR_TRUST_CONFIGURATION', what: 'file of npm keys' })
  const keys = listAt(json, 'keys').flatMap((item) => {
    const keyid = textAt(item, 'keyId') ?? textAt(item, 'keyid')
    const der = textAt(item, 'publicKey', 'rawBytes') ?? textAt(item, 'key')
    const usage = textAt(item, 'keyUsage') ?? 'npm:attestations'
    if (keyid === undefined || der === undefined || usage !== 'npm:attestations') return []
    const from = textAt(item, 'publicKey', 'validFor', 'start')
    const until = textAt(item, 'publicKey', 'validFor', 'end') ?? textAt(item, 'expires')
    return [
      {
        key: publicKeyFromSpki(decodeBase64(der)),
        keyid,
        ...(from === undefined ? {} : { validFrom: secondsOf(from) }),
        ...(until === undefined ? {} : { validUntil: secondsOf(until) }),
      },
    ]
  })
  if (keys.length > 0) return keys
  throw new InputError('ERR_TRUST_CONFIGURATION', 'the file of npm keys holds no attestation key')
}

function secondsOf(time: string): number {
  return Math.floor(parseRfc3339(time, 'time of a key') / 1000)
}

const NOTHING: InnerAnchors = { sigstoreRoots: [], dsseKeys: [] }

/** The roots that the policy in force names, and the keys beside them; nothing where it cannot be asked. */
async function askRegistry(url: string): Promise<InnerAnchors> {
  try {
    const client = new QueryClient({ url })
    const [policy, anchors] = [
      await lastPayload(client, 'policy'),
      await lastPayload(client, 'trust-anchors'),
    ]
    if (policy === undefined || anchors === undefined) return NOTHING
    const { sigstoreRoots: named = [] } = parseRegistrationPolicy(policy)
    const { inner } = readTrustAnchorsDocument(anchors)
    const sigstoreRoots = inner.sigstoreRoots.filter(({ digest }) => named.includes(digest))
    return { ...inner, sigstoreRoots }
  } catch (error) {
    // Another kind of service, or one that answers no look-ups: then a root has to be named.
    if (error instanceof AttestryError) return NOTHING
    throw error
  }
}

async function lastPayload(client: QueryClient, kind: string): Promise<Uint8Array | undefined> {
  const { statements } = await client.find({ kind, order: 'descending', limit: '1' })
  const [last] = statements
  if (last === undefined) return undefined
  return parseSignedStatement(await client.statement(last.entryId)).message.payload ?? undefined
}
