/** Listening is made again whatever ends it, and never ends the process. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { WakeUps } from '../../src/store/postgres/wake-ups.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()

it('is tried again when a file that the URL names is away for a moment', async () => {
  const certificate = join(directory, 'certificate')
  const away = encodeURIComponent(directory)
  const url = `postgres://somebody@/log?host=${away}&sslcert=${encodeURIComponent(certificate)}`
  writeFileSync(certificate, 'a certificate')
  const wakeUps = new WakeUps(url, 'channel')
  wakeUps.add(() => undefined)
  rmSync(certificate)
  const ends: unknown[] = []
  const hear = (error: unknown): void => void ends.push(error)
  process.on('uncaughtException', hear)
  try {
    // The next try, and one more.
    await wait(2500)
    expect(ends).toEqual([])
  } finally {
    process.off('uncaughtException', hear)
    await wakeUps.close()
  }
})
