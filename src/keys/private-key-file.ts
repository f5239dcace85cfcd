/**
 * Private key files: PKCS #8 PEM, readable by its owner alone. A file that others can read, or that
 * somebody else owns, is refused, because a key that may have been copied signs nothing. Encrypted
 * files are left out: where the password would have to lie beside the key, a KMS is the answer.
 */
import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartError } from '../errors.ts'

const KEY_FILE_BYTES_MAX = 16 * 1024
const MODE_OTHERS = 0o077

/**
 * Writes a key to a file that did not exist, durably, mode 0600 from its first byte on.
 * @throws the system's error, `EEXIST` when there is such a file.
 */
export async function writePrivateKey(path: string, privateKey: KeyObject): Promise<void> {
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
  // `wx` is O_EXCL: a file or a link that is there is never written through.
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(pem)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncDirectory(dirname(path))
}

const NO_PRIVATE_KEY = 'is not an unencrypted PKCS #8 PEM private key'

/** @throws StartError `ERR_KEY_FILE` when the file is missing, not a key, or open to others. */
export async function readPrivateKey(path: string): Promise<KeyObject> {
  const pem = await readSecretFile(path, 'key')
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch (cause) {
    throw refuse(`the key file ${path}`, NO_PRIVATE_KEY, cause)
  }
}

/**
 * Reads a small text file that its owner alone can read: a key, or the PIN of a token.
 * @throws StartError `ERR_KEY_FILE` when the file is missing, too large, or open to others.
 */
export async function readSecretFile(path: string, what: 'key' | 'PIN'): Promise<string> {
  const name = `the ${what} file ${path}`
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    throw unreadable(name, cause)
  }
  try {
    await checkFile(file, what, name)
    return await file.readFile('utf8')
  } catch (cause) {
    if (cause instanceof StartError) throw cause
    throw unreadable(name, cause)
  } finally {
    await file.close()
  }
}

/** Looks at the opened file, not at the name: the two may part in between. */
async function checkFile(file: FileHandle, what: 'key' | 'PIN', name: string): Promise<void> {
  const { mode, uid, size } = await file.stat()
  if (size > KEY_FILE_BYTES_MAX) throw refuse(name, `is larger than ${KEY_FILE_BYTES_MAX} bytes`)
  // Windows has no such modes; access control lists are the operator's affair there.
  const user = process.getuid?.()
  if (user === undefined) return
  // eslint-disable-next-line no-bitwise -- a file mode is a set of bits
  if ((mode & MODE_OTHERS) !== 0) {
    // A public key that was named by mistake needs no other mode: it is the wrong file.
    const isOther = what === 'key' && !(await file.readFile('utf8')).includes('PRIVATE KEY')
    if (isOther) throw refuse(name, NO_PRIVATE_KEY)
    const others = (mode % 0o1000).toString(8).padStart(4, '0')
    throw refuse(name, `is open to others (mode ${others}): run chmod 600 on it`)
  }
  if (uid !== user) throw refuse(name, `belongs to user ${uid}, this process is user ${user}`)
}

function unreadable(name: string, cause: unknown): StartError {
  const { code = '' } = cause as NodeJS.ErrnoException
  return refuse(name, code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`, cause)
}

function refuse(name: string, why: string, cause?: unknown): StartError {
  return new StartError('ERR_KEY_FILE', `${name} ${why}`, { cause })
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories; NTFS journals its metadata.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
