import { describe, expect, it } from 'vitest'
import { parsePkcs11Uri } from '../../src/keys/pkcs11-uri.ts'

const QUERY = '?module-path=/usr/lib/x.so&pin-source=file:/etc/attestry/pin'

describe('parsePkcs11Uri', () => {
  it('reads what names the token, the key, the library and the PIN file', () => {
    const uri = `pkcs11:token=log%20one;serial=0042;object=receipt;id=%01b;type=private${QUERY}`
    expect(parsePkcs11Uri(uri)).toEqual({
      name: 'pkcs11:token=log%20one;serial=0042;object=receipt;id=%01b;type=private',
      token: { token: 'log one', serial: '0042' },
      object: 'receipt',
      id: Uint8Array.of(1, 0x62),
      modulePath: '/usr/lib/x.so',
      pinPath: '/etc/attestry/pin',
    })
  })

  it.each(['file:/etc/attestry/pin', 'file:///etc/attestry/pin', '/etc/attestry/pin'])(
    'takes %s as the place of the PIN',
    (source) => {
      const uri = `pkcs11:token=a;object=b?pin-source=${source}&module-path=/x.so`
      expect(parsePkcs11Uri(uri).pinPath).toBe('/etc/attestry/pin')
    },
  )

  it.each([
    ['another scheme', 'file:/keys/receipt.pem', 'pkcs11:'],
    ['no token', `pkcs11:object=b${QUERY}`, 'names no token'],
    ['no key', `pkcs11:token=a${QUERY}`, 'names no key'],
    ['another type', `pkcs11:token=a;object=b;type=public${QUERY}`, 'type has to be private'],
    ['an unknown attribute', `pkcs11:token=a;object=b;slot-id=3${QUERY}`, '"slot-id"'],
    ['an attribute twice', `pkcs11:token=a;object=b;object=c${QUERY}`, 'object twice'],
    ['an empty attribute', `pkcs11:token=;object=b${QUERY}`, 'token is empty'],
    ['wrong percent-encoding', `pkcs11:token=%ff;object=b${QUERY}`, 'percent-encoded'],
    ['a wrong id', `pkcs11:token=a;id=%0${QUERY}`, 'percent-encoded'],
    ['two queries', `pkcs11:token=a;object=b${QUERY}${QUERY}`, 'two "?"'],
    [
      'a relative library',
      'pkcs11:token=a;object=b?module-path=x.so&pin-source=file:/p',
      'module-',
    ],
    ['no PIN file', 'pkcs11:token=a;object=b?module-path=/x.so', 'pin-source'],
    ['a program for the PIN', 'pkcs11:token=a;object=b?module-path=/x.so&pin-source=|p', 'pin-'],
    [
      'a PIN on another host',
      'pkcs11:token=a;object=b?module-path=/x.so&pin-source=file://h/p',
      'no file',
    ],
  ])('refuses %s', (_, uri, message) => {
    expect(() => parsePkcs11Uri(uri)).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIGURATION',
        message: expect.stringContaining(message) as string,
      }),
    )
  })

  it('refuses a PIN in the URI, and does not repeat it', () => {
    const parse = (): unknown => parsePkcs11Uri('pkcs11:token=a;object=b?pin-value=73519428')
    expect(parse).toThrow('pin-source=file:PATH')
    expect(parse).not.toThrow('73519428')
  })
})
