/** Which cluster of PostgreSQL a database is in: the same for its copies and standbys. */
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import type { Asked } from './failures.ts'

const READ: Statement = {
  name: 'read_cluster_id',
  text: 'SELECT system_identifier::text AS id FROM pg_control_system()',
}

/**
 * @param lost what to say when it does not answer.
 * @throws UnavailableError of that code; StartError `ERR_CONFIGURATION`.
 */
export async function readClusterId(url: string, lost: Asked['lost']): Promise<string> {
  const database = await PostgresDatabase.open(url, { connectionsMax: 1, lost })
  try {
    const [row] = await database.query<{ readonly id: string }>(READ)
    return row!.id
  } finally {
    await database.close()
  }
}
