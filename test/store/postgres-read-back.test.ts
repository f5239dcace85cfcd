/** What a commit wrote is read after it, in its round trip, and answered once. */
import { beforeEach, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { InvariantError } from '../../src/errors.ts'
import type { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import type { Scribe } from '../contract/log-store.ts'
import { describePostgres, newPostgresLog, usePostgres } from '../support/postgres.ts'
import { useReleases } from '../support/releases.ts'

const releases = useReleases()

describePostgres('what a batch wrote', () => {
  const server = usePostgres()
  let url: string
  let store: PostgresLogStore
  let scribe: Scribe
  beforeEach(async () => {
    url = await server().createSchema()
    ;({ store, scribe } = await newPostgresLog(url, releases))
  })

  it('is read in the round trip of the commit: the server is asked nothing more', async () => {
    const batch = scribe.commit('a', 300)
    await store.commit(batch)
    // Nobody may read or write any more.
    await server().query(
      'ALTER TABLE entry RENAME TO moved; ALTER TABLE tile RENAME TO moved_too',
      url,
    )
    const entries = await store.readEntries(leafIndex(2), 300)
    expect(entries.map(({ entry }) => entry)).toEqual(batch.entries.map(({ entry }) => entry))
    expect(entries.map(({ leafIndex: at }) => at)).toEqual(batch.entries.map((_, at) => 2 + at))
    expect(await store.readTiles(batch.tiles)).toEqual(batch.tiles.map(({ hashes }) => hashes))
    // A second reader wants to know what is there now.
    await expect(store.readEntries(leafIndex(2), 300)).rejects.toThrow(InvariantError)
    await expect(store.readTiles(batch.tiles)).rejects.toThrow(InvariantError)
  })

  it('is what the server stored, not what it was given', async () => {
    await server().query(
      `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.bytes = set_byte(NEW.bytes, 0, 255); RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION spoil()`,
      url,
    )
    const batch = scribe.commit('a', 2)
    await store.commit(batch)
    const [first] = await store.readEntries(leafIndex(2), 2)
    expect(first!.entry[0]).toBe(255)
    expect(first!.entry.subarray(1)).toEqual(batch.entries[0]!.entry.subarray(1))
  })

  it('is no answer to whoever asks for something else', async () => {
    const batch = scribe.commit('a', 3)
    await store.commit(batch)
    expect(await store.readEntries(leafIndex(2), 9)).toHaveLength(3)
    expect(await store.readEntries(leafIndex(0), 3)).toHaveLength(3)
    await expect(store.readTiles([{ level: 0, index: 7 }])).rejects.toThrow(InvariantError)
    expect(await store.readTiles([...batch.tiles].reverse())).toHaveLength(batch.tiles.length)
  })
})
