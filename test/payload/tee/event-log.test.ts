/** Event logs: replay to PCRs and RTMRs against a second implementation, and every way to be wrong. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { eventText, parseEventLog } from '../../../src/payload/tee/event-log.ts'
import {
  matchCcel,
  matchEventLog,
  replayEventLog,
} from '../../../src/payload/tee/replay-event-log.ts'
import { evidenceRefusal } from '../../support/evidence-reason.ts'
import { extend, makeEventLog, u32le } from '../../support/tpm-evidence.ts'

const text = encodeUtf8
const bytes = makeEventLog([
  { register: 0, type: 3, data: text('StartupLocality\0\u0003') },
  { register: 0, data: text('firmware') },
  { register: 4, data: text('loader'), measured: text('the loader itself') },
  { register: 0, data: text('more firmware') },
  { register: 0xffffffff, type: 3, data: text('no action') },
])
const log = parseEventLog(bytes)
const pcr0 = extend('sha256', [text('firmware'), text('more firmware')], 3)
const pcr4 = extend('sha256', [text('the loader itself')])

describe('a log', () => {
  it('replays to the registers, in each of its banks', () => {
    expect(replayEventLog(log, 'SHA-256')).toEqual(new Map([[0, pcr0], [4, pcr4]])) // prettier-ignore
    expect(replayEventLog(log, 'SHA-384').get(4)).toEqual(
      extend('sha384', [text('the loader itself')]),
    )
    expect(log.banks).toEqual(['SHA-256', 'SHA-384'])
    expect(eventText(log.events[2]!)).toBe('loader')
  })

  it('explains attested registers, and says which it does not', () => {
    const ima = new Uint8Array(32).fill(9)
    const attested = new Map([[0, pcr0], [4, pcr4], [7, new Uint8Array(32)], [10, ima]]) // prettier-ignore
    expect(matchEventLog(log, 'SHA-256', attested)).toEqual({ replayed: [0, 4], unexplained: [10] })
  })

  it('leads to another register when an event is changed, left out or added', () => {
    const attested = new Map([[4, pcr4]])
    for (const events of [
      [{ register: 4, data: text('loader') }],
      [{ register: 0, data: text('firmware') }],
      [
        { register: 4, data: text('loader'), measured: text('the loader itself') },
        { register: 4, data: text('implant') },
      ],
    ]) {
      const other = parseEventLog(makeEventLog(events))
      expect(evidenceRefusal(() => matchEventLog(other, 'SHA-256', attested))).toBe(
        'event-log-replay',
      )
    }
  })

  it('may be followed by the padding of its table', () => {
    for (const fill of [0, 0xff]) {
      const padded = concatBytes(bytes, new Uint8Array(1000).fill(fill))
      expect(parseEventLog(padded).events).toHaveLength(5)
    }
  })

  it('must have the bank that is asked for', () => {
    const other = parseEventLog(makeEventLog([{ register: 4 }], ['sha384']))
    expect(evidenceRefusal(() => replayEventLog(other, 'SHA-256'))).toBe('event-log-malformed')
  })
})

describe('a CCEL', () => {
  const ccel = parseEventLog(
    makeEventLog(
      [
        { register: 1, data: text('td-hob') },
        { register: 2, data: text('boot') },
        { register: 2, data: text('variables') },
        { register: 3, data: text('kernel') },
      ],
      ['sha384'],
    ),
  )
  const zeros = new Uint8Array(48)
  const rtmrs = [
    extend('sha384', [text('td-hob')]),
    extend('sha384', [text('boot'), text('variables')]),
    extend('sha384', [text('kernel')]),
    zeros,
  ]

  it('replays to the RTMRs of a quote', () => {
    expect(matchCcel(ccel, rtmrs)).toEqual({ replayed: [0, 1, 2], unexplained: [] })
    const runtime = [...rtmrs.slice(0, 3), new Uint8Array(48).fill(1)]
    expect(matchCcel(ccel, runtime).unexplained).toEqual([3])
  })

  it('does not replay to others', () => {
    const swapped = [rtmrs[1]!, rtmrs[0]!, rtmrs[2]!, zeros]
    expect(evidenceRefusal(() => matchCcel(ccel, swapped))).toBe('event-log-replay')
    expect(evidenceRefusal(() => matchCcel(ccel, [zeros, zeros, zeros, zeros]))).toBe(
      'event-log-replay',
    )
    expect(evidenceRefusal(() => matchCcel(ccel, rtmrs.slice(1)))).toBe('event-log-malformed')
  })
})

describe('malformed', () => {
  const event = makeEventLog([{ register: 4 }])
  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a cut header', event.subarray(0, 40)],
    ['another first event', event.map((byte, i) => (i === 32 ? byte ^ 1 : byte))],
    ['a cut event', event.subarray(0, -1)],
    ['trailing bytes', concatBytes(event, Uint8Array.of(1, 2, 3))],
    ['padding with something in it', concatBytes(event, new Uint8Array(40), Uint8Array.of(1))],
    ['a register that no TPM has', makeEventLog([{ register: 32 }])],
    ['more digests than banks', concatBytes(event, u32le(0), u32le(1), u32le(3))],
    [
      'an event of more than there is',
      concatBytes(event, u32le(0), u32le(1), u32le(0), u32le(1e6)),
    ],
    ['over a megabyte', new Uint8Array(1024 * 1024 + 1)],
  ])('%s', (_, log) => {
    expect(evidenceRefusal(() => parseEventLog(log))).toBe('event-log-malformed')
  })
})
