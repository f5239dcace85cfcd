/**
 * A SoftHSM of its own for one test file: an HSM in software behind the same PKCS #11 calls. Its
 * tokens are directories, so pulling a token out is moving one away.
 */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { newCryptoki } from '../../src/keys/cryptoki.ts'
import type { Attribute, Cryptoki, Handle } from '../../src/keys/cryptoki.ts'

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

const library = LIBRARIES.find(existsSync)

/** Why there is no SoftHSM here, or undefined when there is one. */
export const softHsmMissing = findMissing()

function findMissing(): string | undefined {
  if (library === undefined) return 'SoftHSM is not installed (apt-get install softhsm2)'
  try {
    createRequire(import.meta.url).resolve('pkcs11js/build/Release/pkcs11.node')
    execFileSync('softhsm2-util', ['--version'])
    return undefined
  } catch (error) {
    return `pkcs11js or softhsm2-util is missing: ${(error as Error).message}`
  }
}

export const PIN = '648219'

export interface SoftToken {
  readonly label: string
  /** Makes a key pair outside and puts it in; the SPKI of its public half. */
  addKey(object: string, type: 'P-256' | 'Ed25519' | 'P-384', id: string): Uint8Array
  uri(object: string, more?: { readonly pinPath?: string; readonly id?: string }): string
  /** Ties the public half of each of two keys to the private half of the other one. */
  swapPublicKeys(objects: readonly [string, string]): void
  /** Pulls it out, and what puts it back. */
  remove(): () => void
}

/** Keeps tokens below `directory`; SoftHSM reads its settings once in a process. */
export class SoftHsm {
  readonly library: string = library ?? ''
  readonly pinPath: string
  readonly #directory: string
  readonly #tokens: string

  constructor(directory: string) {
    this.#directory = directory
    this.#tokens = join(directory, 'tokens')
    this.pinPath = join(directory, 'pin')
    mkdirSync(this.#tokens)
    writeFileSync(this.pinPath, `${PIN}\n`, { mode: 0o600 })
    const settings = join(directory, 'softhsm2.conf')
    writeFileSync(settings, `directories.tokendir = ${this.#tokens}\nlog.level = ERROR\n`)
    process.env['SOFTHSM2_CONF'] = settings
  }

  token(label: string): SoftToken {
    const before = readdirSync(this.#tokens)
    const pins = ['--so-pin', '73519428', '--pin', PIN]
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, ...pins])
    const made = readdirSync(this.#tokens).find((name) => !before.includes(name))!
    const directory = join(this.#tokens, made)
    return {
      label,
      addKey: (object, type, id) => this.#addKey(label, { object, type, id }),
      uri: (object, { pinPath = this.pinPath, id } = {}) => {
        const key = id === undefined ? '' : `;id=%${id}`
        return (
          `pkcs11:token=${encodeURIComponent(label)};object=${object}${key};type=private` +
          `?module-path=${this.library}&pin-source=file:${pinPath}`
        )
      },
      swapPublicKeys: (objects) => {
        swapPublicKeys({ library: this.library, label, objects })
      },
      remove: () => {
        const away = join(this.#directory, made)
        renameSync(directory, away)
        return () => {
          renameSync(away, directory)
        }
      },
    }
  }

  #addKey(
    token: string,
    { object, type, id }: { readonly object: string; readonly type: string; readonly id: string },
  ): Uint8Array {
    const { publicKey, privateKey } =
      type === 'Ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: type })
    const path = join(this.#directory, `${object}-${id}.pem`)
    writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    // Without --force no second object of one id is taken.
    const names = ['--token', token, '--label', object, '--id', id, '--pin', PIN, '--force']
    execFileSync('softhsm2-util', ['--import', path, ...names])
    rmSync(path)
    return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  }
}

type WritableCryptoki = Cryptoki & {
  C_SetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): void
}

interface Swap {
  readonly library: string
  readonly label: string
  readonly objects: readonly [string, string]
}

function swapPublicKeys({ library: path, label, objects }: Swap): void {
  const cryptoki = newCryptoki() as WritableCryptoki
  cryptoki.load(path)
  try {
    cryptoki.C_Initialize({ flags: 2 })
  } catch {
    // Somebody else in this process has done so.
  }
  const isOurs = (slot: Handle): boolean => cryptoki.C_GetTokenInfo(slot).label.trim() === label
  const session = cryptoki.C_OpenSession(cryptoki.C_GetSlotList(true).find(isOurs)!, 4 + 2)
  cryptoki.C_Login(session, 1, PIN)
  const [first, second] = objects.map((object) => {
    cryptoki.C_FindObjectsInit(session, [
      { type: 0x0, value: 2 },
      { type: 0x3, value: object },
    ])
    const handle = cryptoki.C_FindObjects(session, 1)[0]!
    cryptoki.C_FindObjectsFinal(session)
    return { handle, id: cryptoki.C_GetAttributeValue(session, handle, [{ type: 0x102 }])[0]! }
  })
  cryptoki.C_SetAttributeValue(session, first!.handle, [second!.id])
  cryptoki.C_SetAttributeValue(session, second!.handle, [first!.id])
  cryptoki.C_CloseSession(session)
}
