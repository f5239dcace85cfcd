/** Policy files and quorums (reference §2.8). */
import { describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../src/bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { portableHasher } from '../../src/merkle/hasher.ts'
import { signCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import { verifierKeyOf, type NoteSigner } from '../../src/note/note-signer.ts'
import { parseTlogPolicy, TLOG_POLICY_BYTES_MAX } from '../../src/note/tlog-policy.ts'
import { encodeTlogPolicy } from '../../src/note/encode-tlog-policy.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { evaluateQuorum, verifyWitnessedCheckpoint } from '../../src/note/witnessed-checkpoint.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'

const logKey = (signer: NoteSigner): string => encodeVerifierKey(verifierKeyOf(signer, 'ed25519'))
const witnessKey = (signer: NoteSigner): string =>
  encodeVerifierKey(verifierKeyOf(signer, 'cosignature/v1'))

const log = noteSigner('log.example')
const LOG = logKey(log)
const signers = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name) => noteSigner(`${name}.example`))
const [X1, X2, X3, Y1, Y2, Y3] = signers.map(witnessKey)

/** The example of the specification. */
const EXAMPLE = `log ${LOG}

witness X1 ${X1}
witness X2 ${X2}
witness X3 ${X3}
group X-witnesses 2 X1 X2 X3

witness Y1 ${Y1}
witness Y2 ${Y2}
witness Y3 ${Y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`
const parse = (text: string) => parseTlogPolicy(encodeUtf8(text))
const outcome = (text: string): string => refusal(() => parse(text))

describe('policy files', () => {
  it('read as the example of the specification', () => {
    const policy = parse(EXAMPLE)
    expect(policy.logs.map(({ key }) => key.name)).toEqual(['log.example'])
    expect(policy.witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'])
    expect(policy.groups).toEqual([
      { name: 'X-witnesses', threshold: 2, members: ['X1', 'X2', 'X3'] },
      { name: 'Y-witnesses', threshold: 1, members: ['Y1', 'Y2', 'Y3'] },
      { name: 'X-and-Y', threshold: 2, members: ['X-witnesses', 'Y-witnesses'] },
    ])
    expect(policy.quorum).toBe('X-and-Y')
  })

  it('may be indented, commented, and use tabs', () => {
    const text = ` \t# log nothing\n\n  log\t${LOG} \thttps://log.example/ \n#\n\t\nquorum none\n`
    expect(parse(text)).toEqual({
      logs: [{ key: verifierKeyOf(log, 'ed25519'), url: 'https://log.example/' }],
      witnesses: [],
      groups: [],
      quorum: 'none',
    })
  })

  it('may have no logs, a witness as quorum, and two keys of one origin', () => {
    expect(outcome(`witness w ${X1}\nquorum w\n`)).toBe('accepted')
    expect(outcome(`log ${LOG}\nlog ${logKey(noteSigner('log.example'))}\nquorum none\n`)).toBe(
      'accepted',
    )
    expect(outcome(`quorum none\nwitness w ${X1}\n`)).toBe('accepted')
  })

  it('support many logs, witnesses and groups', () => {
    const lines = Array.from({ length: 40 }, (_, at) => [
      `log ${logKey(noteSigner(`l${at}`))}`,
      `witness w${at} ${witnessKey(noteSigner(`w${at}`))}`,
      `group g${at} all ${at === 0 ? '' : `g${at - 1}`} w${at}`,
    ])
    const text = `${lines.flat().join('\n')}\nquorum g39\n`
    const policy = parse(text)
    const all = new Set(policy.witnesses.map(({ name }) => name))
    expect(evaluateQuorum(policy, all).kind).toBe('met')
    all.delete('w0')
    expect(evaluateQuorum(policy, all).kind).toBe('not-met')
  })

  it.each([
    ['nothing', ''],
    ['no quorum', `log ${LOG}\n`],
    ['two quorums', 'quorum none\nquorum none\n'],
    ['no newline at the end', 'quorum none'],
    ['a carriage return', 'quorum none\r\n'],
    ['a zero byte', '#\0\nquorum none\n'],
    ['DEL', '#\u007f\nquorum none\n'],
    ['an unknown keyword', 'logs\nquorum none\n'],
    ['a keyword in upper case', 'Quorum none\n'],
    ['a comment after items', `log ${LOG} https://l # log\nquorum none\n`],
    ['a log without key', 'log\nquorum none\n'],
    ['a log with two URLs', `log ${LOG} a b\nquorum none\n`],
    ['a log with a witness key', `log ${X1}\nquorum none\n`],
    ['a log with a bad key', `log ${LOG.slice(0, -1)}\nquorum none\n`],
    ['a witness without key', 'witness w\nquorum none\n'],
    ['a witness with a log key', `witness w ${LOG}\nquorum none\n`],
    ['a witness with two URLs', `witness w ${X1} a b\nquorum none\n`],
    [
      'a witness of a type that we cannot verify',
      `witness w w+00000000+${encodeBase64(
        concatBytes(Uint8Array.of(6), new Uint8Array(1312)),
      )}\nquorum none\n`,
    ],
    ['a quorum of two', `witness a ${X1}\nwitness b ${X2}\nquorum a b\n`],
    ['an unknown quorum', 'quorum w\n'],
    ['a quorum before its definition', `quorum w\nwitness w ${X1}\n`],
    ['a quorum of a log', `log ${LOG}\nquorum log.example\n`],
    ['a witness named none', `witness none ${X1}\nquorum none\n`],
    ['a group named none', `witness w ${X1}\ngroup none all w\nquorum none\n`],
    ['none as a member', `witness w ${X1}\ngroup g any w none\nquorum g\n`],
    ['one name twice', `witness w ${X1}\nwitness w ${X2}\nquorum w\n`],
    ['a group with a witness\u2019s name', `witness w ${X1}\ngroup w all w\nquorum w\n`],
    ['a group of itself', `group g all g\nquorum g\n`],
    ['a group of a later witness', `group g all w\nwitness w ${X1}\nquorum g\n`],
    ['a group without members', `group g all\nquorum g\n`],
    ['a member twice in a group', `witness w ${X1}\ngroup g all w w\nquorum g\n`],
    ['a member of two groups', `witness w ${X1}\ngroup g all w\ngroup h all w\nquorum h\n`],
    ['a threshold of 0', `witness w ${X1}\ngroup g 0 w\nquorum g\n`],
    ['a threshold over the members', `witness w ${X1}\ngroup g 2 w\nquorum g\n`],
    ['a negative threshold', `witness w ${X1}\ngroup g -1 w\nquorum g\n`],
    ['a threshold with a leading zero', `witness w ${X1}\ngroup g 01 w\nquorum g\n`],
    ['another word for a threshold', `witness w ${X1}\ngroup g most w\nquorum g\n`],
    ['two logs of one key', `log ${LOG}\nlog ${logKey({ ...log, name: 'm' })}\nquorum none\n`],
    ['two witnesses of one key', `witness a ${X1}\nwitness b ${X1}\nquorum none\n`],
    ['a witness with a log\u2019s key', `log ${LOG}\nwitness w ${witnessKey(log)}\nquorum w\n`],
    ['too many bytes', `#${'x'.repeat(TLOG_POLICY_BYTES_MAX)}\nquorum none\n`],
  ])('are refused with %s', (_, text) => {
    expect(outcome(text)).toBe('ERR_TRUST_CONFIGURATION')
  })

  it('say which line is at fault', () => {
    expect(() => parse(`log ${LOG}\n\nwitness w\nquorum none\n`)).toThrow(/^tlog policy: line 3: /)
  })

  it('keep names as octets', () => {
    const octets = (...bytes: number[]) => Uint8Array.from(bytes)
    const file = (...names: Uint8Array[]) =>
      concatBytes(
        ...names.flatMap((name, at) => [
          encodeUtf8('witness '),
          name,
          encodeUtf8(` ${[X1, X2, X3][at]!}\n`),
        ]),
        encodeUtf8('quorum '),
        names[0]!,
        encodeUtf8('\n'),
      )
    // A K, a Kelvin sign, and an é in UTF-8 and in Latin-1 are four names.
    const kelvin = parseTlogPolicy(file(octets(0x4b), octets(0xe2, 0x84, 0xaa)))
    expect(kelvin.witnesses.map(({ name }) => name)).toEqual(['K', '\u212a'])
    const accents = file(octets(0xe9), octets(0xc3, 0xa9), octets(0xe9, 0xc3, 0xa9))
    const policy = parseTlogPolicy(accents)
    expect(policy.witnesses.map(({ name }) => name)).toEqual(['\udce9', 'é', '\udce9\udcc3\udca9'])
    expect(policy.quorum).toBe('\udce9')
    expect(encodeTlogPolicy(policy)).toEqual(accents)
    // A no-break space separates nothing.
    expect(parse(`witness a\u00a0b ${X1}\nquorum a\u00a0b\n`).quorum).toBe('a\u00a0b')
  })

  it('are written so that they parse back, and other parsers agree', () => {
    const policy = parse(EXAMPLE)
    const bytes = encodeTlogPolicy(policy)
    expect(parseTlogPolicy(bytes)).toEqual(policy)
    expect(encodeTlogPolicy(parseTlogPolicy(bytes))).toEqual(bytes)
    for (const change of [
      { quorum: 'nobody' },
      { logs: [{ ...policy.logs[0]!, url: 'https://x/#y' }] },
      { logs: [{ ...policy.logs[0]!, url: 'https://x/ y' }] },
      { logs: [{ ...policy.logs[0]!, url: '' }] },
      { logs: [{ ...policy.logs[0]!, url: 'a\nlog' }] },
      { groups: [] },
    ]) {
      expect(refusal(() => encodeTlogPolicy({ ...policy, ...change }))).toBe(
        'ERR_TRUST_CONFIGURATION',
      )
    }
  })
})

describe('a quorum', () => {
  const policy = parse(EXAMPLE)

  it.each([
    ['', false],
    ['X1 X2', false],
    ['X1 X2 X3', false],
    ['X1 Y1 Y2 Y3', false],
    ['X1 X2 Y1', true],
    ['X2 X3 Y3', true],
    ['X1 X2 X3 Y1 Y2 Y3', true],
    ['X-and-Y', false],
    ['X-witnesses Y-witnesses', false],
  ])('of the example with "%s" is %s', (names, isMet) => {
    const decision = evaluateQuorum(policy, new Set(names.split(' ')))
    expect(decision.kind).toBe(isMet ? 'met' : 'not-met')
  })

  it('of none is always met', () => {
    expect(evaluateQuorum({ ...policy, quorum: 'none' }, new Set()).kind).toBe('met')
  })
})

describe('a checkpoint under a policy', async () => {
  const policy = parse(EXAMPLE)
  const treeHead = { treeSize: treeSize(1), rootHash: portableHasher.emptyRoot }
  const signed = await signCheckpoint({ origin: log.name, treeHead, signers: [log] })
  const cosigned = async (...by: number[]) => {
    const lines = by.map((at) =>
      signCosignature({ checkpoint: signed, timestamp: 1000 + at, signer: signers[at]! }),
    )
    return withSignatures(signed, await Promise.all(lines))
  }
  const verify = (checkpoint = signed, under = policy, notAfter?: number) =>
    verifyWitnessedCheckpoint({
      checkpoint,
      policy: under,
      verifier,
      ...(notAfter === undefined ? {} : { notAfter }),
    })

  it('needs the cosignatures of a quorum', async () => {
    expect(await rejection(() => verify())).toBe('ERR_QUORUM')
    expect(await rejection(async () => verify(await cosigned(0, 3)))).toBe('ERR_QUORUM')
    const cosignatures = await verify(await cosigned(0, 2, 4))
    expect(cosignatures.map(({ timestamp }) => timestamp)).toEqual([1000, 1002, 1004])
    expect(await verify(signed, { ...policy, quorum: 'none' })).toEqual([])
  })

  it('is refused for one bad cosignature among enough good ones', async () => {
    const good = await cosigned(0, 1, 2, 3)
    const [last] = good.note.signatures.slice(-1)
    const signature = last!.signature.map((byte, at) => (at === 20 ? (byte + 1) % 256 : byte))
    const bad = withSignatures(good, [{ ...last!, signature }])
    expect(await rejection(() => verify(bad))).toBe('ERR_NOTE_SIGNATURE')
  })

  it('needs a log of the policy', async () => {
    const checkpoint = await cosigned(0, 1, 3)
    const other = noteSigner('other.example')
    const logs = [{ key: verifierKeyOf(other, 'ed25519') }]
    expect(await rejection(() => verify(checkpoint, { ...policy, logs }))).toBe(
      'ERR_CHECKPOINT_ORIGIN',
    )
    const impostor = [{ key: verifierKeyOf(noteSigner(log.name), 'ed25519') }]
    expect(await rejection(() => verify(checkpoint, { ...policy, logs: impostor }))).toBe(
      'ERR_NOTE_SIGNATURE',
    )
    // Another log of the policy cannot sign for this origin.
    const crossed = await signCheckpoint({ origin: other.name, treeHead, signers: [other] })
    const forged = { ...signed, note: { ...signed.note, signatures: crossed.note.signatures } }
    const both = { ...policy, logs: [...policy.logs, ...logs], quorum: 'none' }
    expect(await rejection(() => verify(forged, both))).toBe('ERR_NOTE_SIGNATURE')
  })

  it('may be asked not to be of the future', async () => {
    const checkpoint = await cosigned(0, 1, 3)
    expect(await rejection(() => verify(checkpoint, policy, 1002))).toBe('ERR_NOTE_SIGNATURE')
    expect(await verify(checkpoint, policy, 1003)).toHaveLength(3)
  })
})
