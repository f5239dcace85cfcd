/** Signed notes, verifier keys and the rules of signatures (reference §2.1). */
import { describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../src/bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { signNoteText, verifierKeyOf } from '../../src/note/note-signer.ts'
import {
  encodeSignatureLine,
  encodeSignedNote,
  NOTE_BYTES_MAX,
  NOTE_SIGNATURES_MAX,
  parseKeyName,
  parseSignatureLines,
  parseSignedNote,
  type NoteSignature,
} from '../../src/note/signed-note.ts'
import {
  computeKeyId,
  createVerifierKey,
  encodeVerifierKey,
  parseVerifierKey,
} from '../../src/note/verifier-key.ts'
import { verifyNote } from '../../src/note/verify-note.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'

const parse = (text: string): string => refusal(() => parseSignedNote(encodeUtf8(text)))
const LINE = '— a AAAAAAE=\n'
const signature: NoteSignature = { name: 'a', keyId: '00000000', signature: Uint8Array.of(1) }

describe('signed notes', () => {
  it('split at the last blank line', () => {
    const bytes = encodeUtf8(`one\n\ntwo\n\n\n${LINE}`)
    const note = parseSignedNote(bytes)
    expect(note).toEqual({ text: 'one\n\ntwo\n\n', signatures: [signature] })
    expect(encodeSignedNote(note)).toEqual(bytes)
  })

  it('may have an empty first line, DEL, any plane of Unicode and a byte order mark', () => {
    for (const text of ['\n', '\u007f\n', '\u{1f511} ключ\n', '\ufeffx\n', '— a AAAAAAE=\n']) {
      expect(parseSignedNote(encodeUtf8(`${text}\n${LINE}`)).text).toBe(text)
    }
  })

  it('carry 16 post-quantum signatures, and as many as the cap says', () => {
    const big = { ...signature, signature: new Uint8Array(4_964) }
    const sixteen = { text: 'x\n', signatures: Array<NoteSignature>(16).fill(big) }
    expect(parseSignedNote(encodeSignedNote(sixteen))).toEqual(sixteen)
    expect(parse(`x\n\n${LINE.repeat(NOTE_SIGNATURES_MAX)}`)).toBe('accepted')
    expect(parse(`x\n\n${LINE.repeat(NOTE_SIGNATURES_MAX + 1)}`)).toBe('ERR_NOTE_MALFORMED')
  })

  it.each([
    ['nothing', ''],
    ['no blank line', `x\n${LINE}`],
    ['no text', `\n${LINE}`],
    ['no signatures', 'x\n\n'],
    ['no newline at the end', `x\n\n— a AAAAAAE=`],
    ['a hyphen for the em dash', 'x\n\n- a AAAAAAE=\n'],
    ['no space after the em dash', 'x\n\n—a AAAAAAE=\n'],
    ['two spaces before the name', 'x\n\n—  a AAAAAAE=\n'],
    ['two spaces before the base64', 'x\n\n— a  AAAAAAE=\n'],
    ['a space after the base64', 'x\n\n— a AAAAAAE= \n'],
    ['no name', 'x\n\n—  AAAAAAE=\n'],
    ['no base64', 'x\n\n— a\n'],
    ['empty base64', 'x\n\n— a \n'],
    ['a plus in the name', 'x\n\n— a+b AAAAAAE=\n'],
    ['a no-break space in the name', 'x\n\n— a\u00a0b AAAAAAE=\n'],
    ['an ideographic space in the name', 'x\n\n— a\u3000b AAAAAAE=\n'],
    ['a next-line character in the name', 'x\n\n— a\u0085b AAAAAAE=\n'],
    ['a key id and no signature', 'x\n\n— a AAAAAA==\n'],
    ['half a key id', 'x\n\n— a AAA=\n'],
    ['base64 without padding', 'x\n\n— a AAAAAAE\n'],
    ['base64 with loose bits', 'x\n\n— a AAAAAAF=\n'],
    ['base64url', 'x\n\n— a AAAA_-E=\n'],
    ['a tab in the text', `x\ty\n\n${LINE}`],
    ['a carriage return', `x\r\n\n${LINE}`],
    ['a zero byte', `x\0\n\n${LINE}`],
    ['text after the signatures', `x\n\n${LINE}y\n`],
    ['a blank line after the signatures', `x\n\n${LINE}\n`],
  ])('are refused with %s', (_, text) => {
    expect(parse(text)).toBe('ERR_NOTE_MALFORMED')
  })

  it('are refused when they are not UTF-8, or too large', () => {
    for (const octets of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
      const bytes = concatBytes(Uint8Array.from(octets), encodeUtf8(`\n\n${LINE}`))
      expect(refusal(() => parseSignedNote(bytes))).toBe('ERR_NOTE_MALFORMED')
    }
    expect(parse(`${'x'.repeat(NOTE_BYTES_MAX)}\n\n${LINE}`)).toBe('ERR_NOTE_MALFORMED')
  })

  it.each([
    ['a text without newline', { text: 'x', signatures: [signature] }],
    [
      'a text that ends in what reads as a signature',
      { text: 'x\n\n— b AAAAAAE=', signatures: [signature] },
    ],
    ['a lone surrogate', { text: '\ud800\n', signatures: [signature] }],
    ['a control character', { text: '\u0001\n', signatures: [signature] }],
    ['no signature', { text: 'x\n', signatures: [] }],
    ['a name with a space', { text: 'x\n', signatures: [{ ...signature, name: 'a b' }] }],
    ['a name with a newline', { text: 'x\n', signatures: [{ ...signature, name: 'a\n' }] }],
    ['a short key id', { text: 'x\n', signatures: [{ ...signature, keyId: '00' }] }],
    ['an upper-case key id', { text: 'x\n', signatures: [{ ...signature, keyId: '0000000A' }] }],
    [
      'an empty signature',
      { text: 'x\n', signatures: [{ ...signature, signature: new Uint8Array() }] },
    ],
  ])('are not written with %s', (_, note) => {
    expect(refusal(() => encodeSignedNote(note))).toBe('ERR_NOTE_MALFORMED')
  })

  it('have lines that can be read by themselves', () => {
    const bytes = encodeUtf8(LINE + LINE)
    expect(parseSignatureLines(bytes)).toEqual([signature, signature])
    expect(encodeSignatureLine(signature)).toBe(LINE)
    expect(refusal(() => parseSignatureLines(new Uint8Array()))).toBe('ERR_NOTE_MALFORMED')
  })

  it('have key names without surrogates', () => {
    expect(refusal(() => parseKeyName('a\ud800'))).toBe('ERR_NOTE_MALFORMED')
    expect(parseKeyName('oid/1.3.6.1 \u{1f511}'.replace(' ', '-'))).toBe('oid/1.3.6.1-\u{1f511}')
  })
})

describe('verifier keys', () => {
  const signer = noteSigner('k')
  const typed = (type: number, key = signer.publicKey): string =>
    encodeBase64(concatBytes(Uint8Array.of(type), key))
  const good = encodeVerifierKey(verifierKeyOf(signer, 'ed25519'))
  const keyId = good.split('+')[1]!

  it('give the same key other ids under other types and names', () => {
    const { publicKey } = signer
    const ids = [
      computeKeyId({ kind: 'ed25519', name: 'k', publicKey }),
      computeKeyId({ kind: 'cosignature/v1', name: 'k', publicKey }),
      computeKeyId({ kind: 'ed25519', name: 'l', publicKey }),
    ]
    expect(new Set(ids).size).toBe(3)
  })

  it.each([
    ['nothing', ''],
    ['two parts', `k+${keyId}`],
    ['an empty name', `+${keyId}+${typed(1)}`],
    ['a space in the name', `k k+${keyId}+${typed(1)}`],
    ['another key id', `k+00000000+${typed(1)}`],
    ['a key id in upper case', `k+ABCDEF01+${typed(1)}`],
    ['a short key id', `k+${keyId.slice(1)}+${typed(1)}`],
    ['another name', `l+${keyId}+${typed(1)}`],
    ['another type', `k+${keyId}+${typed(4)}`],
    ['ECDSA', `k+${keyId}+${typed(2)}`],
    ['ML-DSA-44', `k+${keyId}+${typed(6)}`],
    ['a reserved type', `k+${keyId}+${typed(0xfa)}`],
    ['a private type', `k+${keyId}+${typed(0xff)}`],
    ['no key', `k+${keyId}+AQ==`],
    ['a short key', `k+${keyId}+${typed(1, signer.publicKey.slice(1))}`],
    ['a long key', `k+${keyId}+${typed(1, concatBytes(signer.publicKey, Uint8Array.of(0)))}`],
    ['padding that is not needed', `${good}=`],
    ['base64 cut short', good.slice(0, -1)],
    ['base64url', `k+${keyId}+${'_'.repeat(44)}`],
    ['a newline at the end', `${good}\n`],
    ['a space before', ` ${good}`],
  ])('are refused with %s', (_, text) => {
    expect(refusal(() => parseVerifierKey(text))).toBe('ERR_NOTE_KEY')
  })

  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('are refused for the weak point %s', (hex) => {
    const parts = { kind: 'ed25519', name: 'k', publicKey: decodeHex(hex) } as const
    expect(refusal(() => createVerifierKey(parts))).toBe('ERR_NOTE_KEY')
    const text = `k+${computeKeyId(parts)}+${typed(1, parts.publicKey)}`
    expect(refusal(() => parseVerifierKey(text))).toBe('ERR_NOTE_KEY')
  })
})

describe('signatures of a note', async () => {
  const [one, two] = [noteSigner('one'), noteSigner('two')]
  const text = 'text\n'
  const [line1, line2] = [await signNoteText(text, one), await signNoteText(text, two)]
  const [key1, key2] = [verifierKeyOf(one, 'ed25519'), verifierKeyOf(two, 'ed25519')]
  const verify = (signatures: NoteSignature[], keys = [key1]) =>
    rejection(() => verifyNote({ note: { text, signatures }, keys, verifier }))
  const broken = {
    ...line1,
    signature: line1.signature.map((byte, at) => (at === 40 ? byte + 1 : byte)),
  }

  it('of one known key are enough, and each key is named once', async () => {
    const note = { text, signatures: [line2, line1, line1] }
    expect(await verifyNote({ note, keys: [key1], verifier })).toEqual([key1])
    expect(await verifyNote({ note, keys: [key1, key2, key1], verifier })).toEqual([key2, key1])
  })

  it('of unknown keys are ignored, also when half of the pair is known', async () => {
    const sameName = { ...broken, keyId: '00000000' }
    const sameId = { ...broken, name: 'other' }
    expect(await verify([sameName, sameId, line1])).toBe('accepted')
    expect(await verify([sameName, sameId])).toBe('ERR_NOTE_SIGNATURE')
    expect(await verify([line2])).toBe('ERR_NOTE_SIGNATURE')
    expect(await verify([line1], [])).toBe('ERR_NOTE_SIGNATURE')
  })

  it('of a known key must verify, whatever else does', async () => {
    expect(await verify([line1, broken])).toBe('ERR_NOTE_SIGNATURE')
    expect(await verify([line2, broken], [key1, key2])).toBe('ERR_NOTE_SIGNATURE')
    const short = { ...line1, signature: line1.signature.slice(1) }
    const long = { ...line1, signature: concatBytes(line1.signature, Uint8Array.of(0)) }
    expect(await verify([short])).toBe('ERR_NOTE_SIGNATURE')
    expect(await verify([long])).toBe('ERR_NOTE_SIGNATURE')
  })

  it('do not verify on another text', async () => {
    const note = { text: 'other\n', signatures: [line1] }
    expect(await rejection(() => verifyNote({ note, keys: [key1], verifier }))).toBe(
      'ERR_NOTE_SIGNATURE',
    )
  })

  it('are not looked for under cosignature keys or under ambiguous ones', async () => {
    expect(await verify([line1], [verifierKeyOf(one, 'cosignature/v1')])).toBe('ERR_NOTE_KEY')
    const twin = { ...key1, publicKey: key2.publicKey }
    expect(await verify([line1], [key1, twin])).toBe('ERR_NOTE_KEY')
  })

  it('come from signers that return Ed25519 signatures', async () => {
    const wrong = { ...one, sign: async () => new Uint8Array(63) }
    expect(await rejection(() => signNoteText(text, wrong))).toBe('ERR_INVARIANT')
  })
})
