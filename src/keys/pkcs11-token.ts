/**
 * A token behind its vendor's PKCS #11 library: loading the library, finding the token, one login.
 * The library is loaded and initialised once in a process and never finalised, because it is shared
 * by every session, also by ones that this file does not know; it ends with the process.
 */
import { StartError } from '../errors.ts'
import { newCryptoki } from './cryptoki.ts'
import type { Cryptoki, Handle, TokenInfo } from './cryptoki.ts'
import type { Pkcs11Uri, TokenName } from './pkcs11-uri.ts'
import { readSecretFile } from './private-key-file.ts'

/** A logged-in session. Sessions carry state, so one thing at a time is done in each. */
export interface TokenSession {
  readonly cryptoki: Cryptoki
  readonly handle: Handle
}

const CKF_OS_LOCKING_OK = 0x2
const CKF_SERIAL_SESSION = 0x4
const CKF_USER_PIN_FINAL_TRY = 0x2_0000
const CKF_USER_PIN_LOCKED = 0x4_0000
const CKU_USER = 1

const libraries = new Map<string, Cryptoki>()

/**
 * Opens a session and logs in, with one try: each wrong one brings the token nearer to its lock.
 * @throws StartError `ERR_KEY_FILE` that says what is missing.
 */
export async function openTokenSession(uri: Pkcs11Uri): Promise<TokenSession> {
  const pin = (await readSecretFile(uri.pinPath, 'PIN')).replace(/\r?\n$/, '')
  if (pin === '') throw refuseKey(uri, `the PIN file ${uri.pinPath} is empty`)
  const cryptoki = loadLibrary(uri)
  const { slot, info } = findToken(cryptoki, uri)
  if (hasFlag(info, CKF_USER_PIN_LOCKED)) throw refuseKey(uri, 'the PIN of the token is locked')
  if (hasFlag(info, CKF_USER_PIN_FINAL_TRY)) {
    const why =
      'the token locks itself at the next wrong PIN: log in by hand once, then start again'
    throw refuseKey(uri, why)
  }
  const handle = attempt(uri, 'the token opens no session', () =>
    cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION),
  )
  try {
    logIn(cryptoki, handle, pin)
  } catch (cause) {
    closeQuietly({ cryptoki, handle })
    const reason = reasonOf(cause)
    const why =
      reason === 'CKR_PIN_INCORRECT' || reason === 'CKR_PIN_LEN_RANGE'
        ? `the PIN in ${uri.pinPath} is wrong; do not try often, a token locks itself`
        : `the token refuses the login (${reason})`
    throw refuseKey(uri, why, cause)
  }
  return { cryptoki, handle }
}

/** A refusal to start or to sign, with the key's name in front. */
export function refuseKey({ name }: Pkcs11Uri, why: string, cause?: unknown): StartError {
  return new StartError('ERR_KEY_FILE', `the key ${name} cannot be used: ${why}`, { cause })
}

/** The name of what the library returned, such as `CKR_DEVICE_REMOVED`. */
export function reasonOf(error: unknown): string {
  const { message } = error as Error
  return /CKR_\w+/.exec(message)?.[0] ?? message
}

/** Runs one call of the library. @throws StartError `ERR_KEY_FILE` with `why` and the reason. */
export function attempt<Result>(uri: Pkcs11Uri, why: string, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    throw refuseKey(uri, `${why} (${reasonOf(cause)})`, cause)
  }
}

/** Closes after a failure, which is what has to be told: the session may be gone with its token. */
export function closeQuietly({ cryptoki, handle }: TokenSession): void {
  try {
    cryptoki.C_CloseSession(handle)
  } catch {
    // Nothing is left to close.
  }
}

function loadLibrary(uri: Pkcs11Uri): Cryptoki {
  const { modulePath } = uri
  const loaded = libraries.get(modulePath)
  if (loaded !== undefined) return loaded
  const cryptoki = loadPackage(uri)
  attempt(uri, `the library ${modulePath} cannot be loaded`, () => cryptoki.load(modulePath))
  try {
    cryptoki.C_Initialize({ flags: CKF_OS_LOCKING_OK })
  } catch (cause) {
    if (reasonOf(cause) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') {
      throw refuseKey(uri, `the library ${modulePath} does not start (${reasonOf(cause)})`, cause)
    }
  }
  libraries.set(modulePath, cryptoki)
  return cryptoki
}

function loadPackage(uri: Pkcs11Uri): Cryptoki {
  try {
    return newCryptoki()
  } catch (cause) {
    const why =
      'the optional package pkcs11js is not installed here; installing it takes a C++ compiler, ' +
      'make and Python: have them, then run npm ci again'
    throw refuseKey(uri, why, cause)
  }
}

interface FoundToken {
  readonly slot: Handle
  readonly info: TokenInfo
}

function findToken(cryptoki: Cryptoki, uri: Pkcs11Uri): FoundToken {
  const tokens = attempt(uri, 'the slots cannot be listed', () => cryptoki.C_GetSlotList(true))
    // A token can be pulled out of its slot in between.
    .flatMap((slot) => readInfo(cryptoki, slot))
  const found = tokens.filter(({ info }) => isNamed(info, uri.token))
  const [token] = found
  if (token !== undefined && found.length === 1) return token
  // An empty slot of a library in software counts as a token without a label.
  const named = tokens.map(({ info }) => info.label.trimEnd()).filter((label) => label !== '')
  const labels = named.map((label) => `"${label}"`).join(', ')
  const why =
    found.length > 1
      ? `${found.length} tokens have this name: add serial=`
      : `there is no such token; ${uri.modulePath} has ${labels === '' ? 'none' : labels}`
  throw refuseKey(uri, why)
}

function readInfo(cryptoki: Cryptoki, slot: Handle): FoundToken[] {
  try {
    return [{ slot, info: cryptoki.C_GetTokenInfo(slot) }]
  } catch {
    return []
  }
}

/** The fields are padded with blanks. */
function isNamed(info: TokenInfo, name: TokenName): boolean {
  const fields = [
    [name.token, info.label],
    [name.manufacturer, info.manufacturerID],
    [name.model, info.model],
    [name.serial, info.serialNumber],
  ] as const
  return fields.every(([wanted, found]) => wanted === undefined || wanted === found.trimEnd())
}

function logIn(cryptoki: Cryptoki, session: Handle, pin: string): void {
  try {
    cryptoki.C_Login(session, CKU_USER, pin)
  } catch (cause) {
    // The login belongs to the process: another session of it has logged in.
    if (reasonOf(cause) !== 'CKR_USER_ALREADY_LOGGED_IN') throw cause
  }
}

function hasFlag({ flags }: TokenInfo, flag: number): boolean {
  // eslint-disable-next-line no-bitwise -- token flags are a set of bits
  return (flags & flag) !== 0
}
