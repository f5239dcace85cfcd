/** What `inspect` shows of C2SP notes: checkpoints, tlog-proofs, and what a witness answers. */
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { encodeCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { encodeTlogProof } from '../../src/note/tlog-proof.ts'
import { encodeCosignatureLines } from '../../src/note/witness-messages.ts'
import { noteSigner } from '../support/note-keys.ts'
import { ForeignLog, WITNESS_TIME } from '../support/test-witness.ts'

function shown(bytes: Uint8Array): string {
  const { kind, items } = inspectBytes(bytes)
  return [kind, ...renderItems(items)].join('\n')
}

const log = new ForeignLog(noteSigner('log.example'))
const witness = noteSigner('witness.example/w1')
const unsigned = await log.checkpoint(17)
const cosignature = await signCosignature({
  checkpoint: unsigned,
  timestamp: WITNESS_TIME,
  signer: witness,
})
const checkpoint = withSignatures(unsigned, [cosignature])
const root = encodeHex(log.tree.root(17))
const logKey = verifierKeyOf(log.signer, 'ed25519').keyId
const witnessKey = verifierKeyOf(witness, 'cosignature/v1').keyId
const COSIGNED = `witness.example/w1  (key id ${witnessKey}, not verified; as cosignature/v1 of 2027-01-15T08:00:00Z)`

describe('inspect of notes', () => {
  it('shows a checkpoint with who signed it', () => {
    const text = shown(encodeCheckpoint(checkpoint))
    expect(text).toMatch(/^checkpoint \(C2SP signed note\)\n/)
    expect(text).toMatch(/^origin +log\.example$/m)
    expect(text).toMatch(/^tree size +17$/m)
    expect(text).toContain(root)
    expect(text).toContain(`log.example  (key id ${logKey}, not verified)`)
    expect(text).toContain(COSIGNED)
  })

  it('shows the extension lines of a checkpoint', () => {
    const note = decodeUtf8(encodeCheckpoint(checkpoint)).replace('\n\n', '\nmore to say\n\n')
    expect(shown(encodeUtf8(note))).toMatch(/^extension +more to say$/m)
  })

  it('shows a tlog-proof with its checkpoint', () => {
    const inclusionPath = log.tree.path(3, 0, 17)
    const text = shown(encodeTlogProof({ leafIndex: 3, inclusionPath, checkpoint, extra: Uint8Array.of(1, 2) })) // prettier-ignore
    expect(text).toMatch(/^tlog-proof\n/)
    expect(text).toMatch(/^leaf index +3$/m)
    expect(text).toMatch(new RegExp(`^path +${inclusionPath.length} hashes$`, 'm'))
    expect(text).toMatch(/^extra +h'0102'/m)
    expect(text).toMatch(/^ {2}tree size +17$/m)
    expect(text).toContain(COSIGNED)
  })

  it('shows the cosignatures that a witness answers', () => {
    const text = shown(encodeCosignatureLines([cosignature]))
    expect(text).toMatch(/^signature lines of a signed note\n/)
    expect(text).toContain(COSIGNED)
  })

  it('shows any other note', () => {
    const [, lines] = decodeUtf8(encodeCheckpoint(unsigned)).split('\n\n')
    const text = shown(encodeUtf8(`hello\n\nworld\n\n${lines!}`))
    expect(text).toMatch(/^signed note\n/)
    expect(text).toContain('"hello\n\nworld\n"')
    expect(text).toContain(`key id ${logKey}`)
  })

  it.each([
    ['a checkpoint', decodeUtf8(encodeCheckpoint(checkpoint))],
    ['a proof', decodeUtf8(encodeTlogProof({ leafIndex: 3, inclusionPath: [], checkpoint }))],
  ])('says why %s that was cut is none', (_, whole) => {
    const text = shown(encodeUtf8(whole.slice(0, -1)))
    expect(text).toMatch(
      /^unknown\nnot a signed note +list of signatures does not end in a newline\n/,
    )
  })

  it('is not taken in by a dash in other text', () => {
    expect(shown(encodeUtf8('a list:\n- one\n\n\u2013 two\n'))).not.toContain('note')
  })
})
