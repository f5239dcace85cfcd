/**
 * The part of PKCS #11 that is used, and the package that brings it into Node. pkcs11js is an optional
 * dependency with an addon of its own: where that does not build there is none of its files, types
 * included. Hence these interfaces, and a look-up when it is needed that no compiler follows.
 */
import { createRequire } from 'node:module'

/** A CK_ULONG that only the library can read. */
export type Handle = Buffer

/** An attribute of an object in a token, to look for or to read. */
export interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

/** What a token says about itself; texts are padded with blanks. */
export interface TokenInfo {
  readonly label: string
  readonly manufacturerID: string
  readonly model: string
  readonly serialNumber: string
  readonly flags: number
}

/** A vendor's library. Each call throws an error whose message holds the CKR name. */
export interface Cryptoki {
  load(library: string): void
  C_Initialize(options: { readonly flags: number }): void
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): TokenInfo
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_Login(session: Handle, userType: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, countMax: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): { readonly type: number; readonly value: Buffer }[]
  C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void
  /** On a thread of libuv; the answer is the used part of `signature`. */
  C_SignAsync(session: Handle, data: Buffer, signature: Buffer): Promise<Buffer>
}

/**
 * A library that is still to be loaded.
 * @throws the module system's error when the package is not installed or was not built.
 */
export function newCryptoki(): Cryptoki {
  const { PKCS11 } = createRequire(import.meta.url)('pkcs11js') as { PKCS11: new () => Cryptoki }
  return new PKCS11()
}
