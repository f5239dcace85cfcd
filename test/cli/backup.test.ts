/** Backup, restore and the scrubber as an operator meets them: processes, files, messages. */
import { cpSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(async () => {
  folder = temporaryFolder()
  await ok('init', '--data', 'log', '--origin', 'log.example.org')
})
afterEach(() => {
  folder.remove()
})

const { run, ok, json } = commandLine(() => folder.path)
const at = (name: string): string => join(folder.path, name)
const serve = (...more: string[]): Promise<RunningServer> =>
  startServer(['serve', '--data', 'log', '--port', '0', ...more], { cwd: folder.path })

describe('backup and restore', () => {
  it('work beside a server, and say what the guard means for the copy', async () => {
    const server = await serve()
    const made = await json<{ treeSize: number; bytes: number }>('backup', '--data', 'log', '-o', 'b') // prettier-ignore
    expect(made).toMatchObject({ origin: 'log.example.org', treeSize: 2 })
    expect(made.bytes).toBe(readFileSync(at('b/log.sqlite')).length)
    // Stopping appends a journal, so that backup is an older copy of the log already.
    expect(await server.stop()).toBe(0)
    const old = await ok('restore', 'b', '--data', 'old', '--guard', 'log.guard')
    expect(old).toMatch(/^the guard is at tree size 3: this backup is older, and `attestry serve`/m)
    cpSync(at('log/keys'), at('old/keys'), { recursive: true })
    const forked = await run('serve', '--data', 'old', '--guard', 'log.guard', '--port', '0')
    expect(forked.status).toBe(1)
    expect(forked.stderr).toContain('ERR_GUARD_AHEAD')

    await ok('backup', '--data', 'log', '-o', 'b3')
    const restored = await ok('restore', 'b3', '--data', 'copy', '--guard', 'log.guard')
    expect(restored).toMatch(/^copy: restored 3 entries\n/)
    expect(restored).toMatch(/^missing key +\S+receipt\.pem$/m)
    expect(restored).toMatch(/^the guard is at tree size 3: the log can go on$/m)
    cpSync(at('log/keys'), at('copy/keys'), { recursive: true })
    const again = startServer(['serve', '--data', 'copy', '--guard', 'log.guard', '--port', '0'], { cwd: folder.path }) // prettier-ignore
    expect(await (await again).stop()).toBe(0)
    const lone = await ok('restore', 'b', '--data', 'lone')
    expect(lone).toMatch(/^there is no guard here/m)
    const refused = await run('restore', 'b', '--data', 'lone')
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain('Nothing is overwritten')
  })

  it('say that the guard is missing, and copy the log all the same', async () => {
    const found = await json('backup', '--data', 'log', '-o', 'with')
    expect(found).toMatchObject({ guardFound: true })
    expect(await ok('backup', '--data', 'log', '-o', 'again')).not.toContain('there is no guard')
    renameSync(at('log.guard'), at('elsewhere'))
    const made = await ok('backup', '--data', 'log', '-o', 'without')
    expect(made).toMatch(/^without: backed up 2 entries$/m)
    expect(made).toMatch(/^there is no guard at \S+log\.guard: .*--guard.*guard adopt/m)
    expect(await json('backup', '--data', 'log', '-o', 'b')).toMatchObject({ guardFound: false })
    await ok('restore', 'without', '--data', 'copy', '--guard', 'elsewhere')
  })

  it('refuse what is no log and what is no backup', async () => {
    const missing = await run('backup', '--data', 'nothing', '-o', 'b')
    expect(missing.status).toBe(1)
    expect(missing.stderr).toContain('ERR_LOG_MISSING')
    expect(existsSync(at('b'))).toBe(false)
    const nothing = await run('restore', 'log', '--data', 'copy')
    expect(nothing.stderr).toContain('ERR_BACKUP_DAMAGED')
  })
})

describe('the scrubber', () => {
  it('in its worker thread stops a server whose log is damaged, and every one after it', async () => {
    const database = new Database(at('log/log.sqlite'))
    const row = database.prepare("SELECT bytes FROM signed_head LIMIT 1").pluck() // prettier-ignore
    const bytes = Buffer.from(row.get() as Buffer)
    bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 1
    database.prepare('UPDATE signed_head SET bytes = ?').run(bytes)
    database.close()
    // A start looks at the right edge, and takes the head of the guard: this one gets by.
    const server = await serve('--scrub-rate-bytes', '1000000')
    const status = await server.ended
    expect(status, server.output()).toBe(1)
    expect(server.output()).toMatch(/the scrubber found damage in .*size 2/)
    expect(server.output()).toContain('attestry log check')
    expect((await run('log', 'check', '--data', 'log')).status).toBe(1)
    const off = await serve('--scrub-rate-bytes', '0')
    expect(await off.stop()).toBe(0)
  })

  it('leaves its place behind, and a backup of damage fails', async () => {
    const server = await serve()
    expect(await server.stop()).toBe(0)
    expect(JSON.parse(readFileSync(at('log/scrub.json'), 'utf8'))).toMatchObject({ position: 0 })
    const database = new Database(at('log/log.sqlite'))
    database.prepare("UPDATE entry SET bytes = CAST(bytes || x'00' AS BLOB) WHERE leaf_index = 0").run() // prettier-ignore
    database.close()
    const failed = await run('backup', '--data', 'log', '-o', 'b')
    expect(failed.status).toBe(1)
    expect(failed.stderr).toMatch(/entry 0 does not hash to its leaf.*ERR_LOG_CORRUPT/)
    expect(existsSync(at('b/manifest.json'))).toBe(false)
  })
})
