/** Paths of tiles and bundles, and the bundles themselves (reference §2.3). */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import {
  BUNDLE_BYTES_MAX,
  encodeEntryBundle,
  parseEntryBundle,
  sliceEntryBundle,
  streamEntryBundle,
} from '../../src/note/entry-bundle.ts'
import { encodeTilePath, parseTilePath } from '../../src/note/tile-path.ts'
import { refusal, rejection } from '../support/error-code.ts'

describe('tile paths', () => {
  it.each([
    ['tile/0/000', { kind: 'hashes', level: 0, index: 0, width: 256 }],
    ['tile/0/x001/000', { kind: 'hashes', level: 0, index: 1000, width: 256 }],
    ['tile/63/x001/x234/067', { kind: 'hashes', level: 63, index: 1234067, width: 256 }],
    ['tile/2/000.p/1', { kind: 'hashes', level: 2, index: 0, width: 1 }],
    ['tile/10/999.p/255', { kind: 'hashes', level: 10, index: 999, width: 255 }],
    ['tile/entries/273.p/112', { kind: 'entries', index: 273, width: 112 }],
    ['tile/entries/x273/112', { kind: 'entries', index: 273112, width: 256 }],
    [
      'tile/0/x009/x007/x199/x254/x740/991.p/10',
      { kind: 'hashes', level: 0, index: 2 ** 53 - 1, width: 10 },
    ],
  ] as const)('%s', (text, path) => {
    expect(parseTilePath(text)).toEqual(path)
    expect(encodeTilePath(path)).toBe(text)
  })

  it.each([
    '',
    '/tile/0/000',
    'tile/0/000/',
    'tile//000',
    'tile/0/',
    'tile/0',
    'tile/64/000',
    'tile/00/000',
    'tile/01/000',
    'tile/-1/000',
    'tile/100/000',
    'tile/data/000',
    'tile/Entries/000',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/1000',
    'tile/0/x000',
    'tile/0/x000/000',
    'tile/0/x000/x001/000',
    'tile/0/001/000',
    'tile/0/x001/x000',
    'tile/0/X001/000',
    'tile/0/x01/000',
    'tile/0/000.p',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/00',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/999',
    'tile/0/000.p/1000',
    'tile/0/000.p/+1',
    'tile/0/000.p/1/',
    'tile/0/000.P/1',
    'tile/0/000%2Ep/1',
    'tile/0/000\n',
    'tile/0/٠٠٠',
    'tile/0/x009/x007/x199/x254/x740/992',
    `tile/0/${'x999/'.repeat(20)}999`,
    'tile/0/../0/000',
  ])('%j is refused', (text) => {
    expect(refusal(() => parseTilePath(text))).toBe('ERR_TILE_PATH')
  })

  it.each([
    { kind: 'hashes', level: 64, index: 0, width: 1 },
    { kind: 'hashes', level: -1, index: 0, width: 1 },
    { kind: 'hashes', level: 0.5, index: 0, width: 1 },
    { kind: 'entries', index: -1, width: 1 },
    { kind: 'entries', index: 2 ** 53, width: 1 },
    { kind: 'entries', index: 0, width: 0 },
    { kind: 'entries', index: 0, width: 257 },
    { kind: 'entries', index: 0, width: Number.NaN },
  ] as const)('%j has no path', (path) => {
    expect(refusal(() => encodeTilePath(path))).toBe('ERR_TILE_PATH')
  })
})

describe('entry bundles', () => {
  const entries = ['', 'a', 'bc', 'x'.repeat(300)].map(encodeUtf8)
  const bundle = encodeEntryBundle(entries)

  async function stream(chunks: readonly Uint8Array[], width: number): Promise<Uint8Array[]> {
    const read: Uint8Array[] = []
    for await (const entry of streamEntryBundle(chunks, width)) read.push(entry)
    return read
  }
  const chunked = (bytes: Uint8Array, size: number): Uint8Array[] =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )

  it('are lengths and entries', () => {
    expect(encodeEntryBundle([encodeUtf8('ab'), new Uint8Array(258)]).subarray(0, 6)).toEqual(
      Uint8Array.of(0, 2, 0x61, 0x62, 1, 2),
    )
    expect(parseEntryBundle(bundle, 4)).toEqual(entries)
  })

  it('arrive in chunks of any size, also empty ones', async () => {
    for (const size of [1, 2, 3, 7, 100, 305, 1000]) {
      expect(await stream(chunked(bundle, size), 4)).toEqual(entries)
    }
    const holes = chunked(bundle, 2).flatMap((chunk) => [new Uint8Array(), chunk])
    expect(await stream([...holes, new Uint8Array()], 4)).toEqual(entries)
  })

  it('are prefixes of each other', () => {
    for (const width of [1, 2, 3, 4]) {
      expect(sliceEntryBundle(bundle, width)).toEqual(encodeEntryBundle(entries.slice(0, width)))
    }
    expect(refusal(() => sliceEntryBundle(bundle, 5))).toBe('ERR_BUNDLE_MALFORMED')
  })

  it('hold 256 entries of 65,535 bytes and no more', async () => {
    const largest = Array<Uint8Array>(256).fill(new Uint8Array(65_535))
    const bytes = encodeEntryBundle(largest)
    expect(bytes.length).toBe(BUNDLE_BYTES_MAX)
    expect(parseEntryBundle(bytes, 256)).toHaveLength(256)
    expect(await stream(chunked(bytes, 65_536), 256)).toHaveLength(256)
    for (const wrong of [[], [...largest, new Uint8Array()], [new Uint8Array(65_536)]]) {
      expect(refusal(() => encodeEntryBundle(wrong))).toBe('ERR_BUNDLE_MALFORMED')
    }
  })

  it.each([
    ['nothing', new Uint8Array(), 4],
    ['half a length', bundle.slice(0, 1), 1],
    ['an entry cut short', bundle.slice(0, -1), 4],
    ['an entry too few', bundle, 5],
    ['an entry too many', bundle, 3],
    ['a byte after the last entry', concatBytes(bundle, Uint8Array.of(0)), 4],
    ['a width of 0', new Uint8Array(), 0],
    ['a width of 257', bundle, 257],
    ['a width that is no integer', bundle, 1.5],
  ])('are refused with %s', async (_, bytes, width) => {
    expect(refusal(() => parseEntryBundle(bytes, width))).toBe('ERR_BUNDLE_MALFORMED')
    for (const size of [1, 2, 1000]) {
      expect(await rejection(() => stream(chunked(bytes, size), width))).toBe(
        'ERR_BUNDLE_MALFORMED',
      )
    }
  })
})
