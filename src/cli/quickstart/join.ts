/**
 * What the log's index knows about the sample artifact, joined across the families: the statements
 * about it, and those about what went into it. Every row is verified before it is shown.
 */
import { QueryClient } from '../../client/query-client.ts'
import type { ArtifactRow } from '../../client/query-pages.ts'
import { UnavailableError } from '../../errors.ts'
import { RowVerifier } from '../query/verify-row.ts'
import { readTrustFile } from '../trust-file.ts'

/** A statement, and how it came to be among the answers. */
export interface JoinedRow {
  readonly about: 'the artifact' | 'what went into it'
  readonly kind: string
  readonly leafIndex: number
  readonly entryId: string
  /** Verified with its Receipt under the trust file. */
  readonly check: string
}

const LOOKS_MAX = 200
const LOOK_EVERY_MS = 50

/**
 * Asks for the artifact, and for each digest that its provenance names as a dependency.
 * @param treeSize the size that the index has to cover first.
 * @throws UnavailableError `ERR_TIMEOUT` when it does not get there.
 */
export async function joinByArtifact(
  url: string,
  asked: { readonly artifact: string; readonly treeSize: number; readonly trustPath: string },
): Promise<readonly JoinedRow[]> {
  const client = new QueryClient({ url })
  await waitForIndex(client, asked.treeSize)
  const verifier = new RowVerifier(client, await readTrustFile(asked.trustPath))
  const direct = await client.artifact(asked.artifact)
  const rows = await joined('the artifact', direct.statements, verifier)
  const inputs = new Set(
    direct.statements.flatMap(({ dependencies }) => dependencies?.digests ?? []),
  )
  for (const digest of inputs) {
    const { statements } = await client.artifact(digest)
    const others = statements.filter(({ roles }) => roles.includes('subject'))
    rows.push(...(await joined('what went into it', others, verifier)))
  }
  return rows
}

async function joined(
  about: JoinedRow['about'],
  statements: readonly ArtifactRow[],
  verifier: RowVerifier,
): Promise<JoinedRow[]> {
  const checks = await verifier.checkAll(statements)
  return statements.map(({ kind, index, entryId }, at) => ({
    ...{ about, kind, leafIndex: index, entryId },
    check: checks[at]!.status,
  }))
}

/** The index follows the log; it is there within moments. */
async function waitForIndex(client: QueryClient, treeSize: number): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if ((await client.find({ limit: '1' })).treeSize >= treeSize) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new UnavailableError('ERR_TIMEOUT', `the index does not cover ${treeSize} entries yet`)
}
