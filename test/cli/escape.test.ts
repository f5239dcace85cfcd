import { describe, expect, it } from 'vitest'
import { escapeJson, escapeText } from '../../src/cli/escape.ts'

describe('text for a terminal', () => {
  it.each([
    ['C0 control', '\u001b[2J', '\\u{1b}[2J'],
    ['line feed', 'a\nb', 'a\\u{0a}b'],
    ['carriage return', 'a\rb', 'a\\u{0d}b'],
    ['DEL', '\u007f', '\\u{7f}'],
    ['C1 control (8-bit CSI)', '\u009b2J', '\\u{9b}2J'],
    ['right-to-left override', 'abc\u202etxt', 'abc\\u{202e}txt'],
    ['isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['zero width space', 'a\u200bb', 'a\\u{200b}b'],
    ['byte order mark', '\ufeffa', '\\u{feff}a'],
    ['line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['tag character', '\u{e0041}', '\\u{e0041}'],
    ['variation selector supplement', 'x\u{e0100}', 'x\\u{e0100}'],
    ['blank that is a letter', '\u3164', '\\u{3164}'],
    ['lone surrogate', '\ud800x', '\\u{d800}x'],
  ])('escapes %s', (_name, text, expected) => {
    expect(escapeText(text)).toBe(expected)
  })

  it('keeps letters of all scripts and emoji', () => {
    const text = 'Grüße, мир, 世界, مرحبا, 🎉, a\\b'
    expect(escapeText(text)).toBe(text)
  })

  it('leaves no character below 0x20 for any single code unit', () => {
    for (let unit = 0; unit < 0x10000; unit++) {
      const escaped = escapeText(String.fromCharCode(unit))

      expect(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(escaped)).toBe(false)
    }
  })
})

describe('JSON for a terminal', () => {
  it('stays the same JSON value, in printable characters', () => {
    const value = { a: '\u202e\u009b\u{e0041}', b: ['\u001b[0m'], c: 'é' }
    const text = escapeJson(value)
    expect(text).toBe('{"a":"\\u202e\\u009b\\udb40\\udc41","b":["\\u001b[0m"],"c":"é"}')
    expect(JSON.parse(text)).toEqual(value)
  })

  it('writes integers beyond 2^53 as text', () => {
    expect(escapeJson({ size: 2n ** 60n })).toBe('{"size":"1152921504606846976"}')
  })
})
