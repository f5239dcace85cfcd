/** C2SP notes for people: checkpoints, tlog-proofs, and cosignatures as a witness answers them. Nothing is verified. */
import { encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8 } from '../../bytes/bytes.ts'
import { InputError } from '../../errors.ts'
import { parseCheckpointText } from '../../note/checkpoint.ts'
import { parseSignatureLines, parseSignedNote } from '../../note/signed-note.ts'
import type { NoteSignature, SignedNote } from '../../note/signed-note.ts'
import { parseTlogProof, TLOG_PROOF_FIRST_LINE } from '../../note/tlog-proof.ts'
import { formatTime } from '../terminal.ts'
import { bytesText, quoted } from './cbor-text.ts'
import type { Inspection, Item } from './item.ts'
import { tryRead } from './try-read.ts'

/** A line that begins with an em dash is a signature in every format of notes. */
const SIGNATURE_LINE = /^\u2014 /m
/** A time of 8 bytes, and an Ed25519 signature. */
const COSIGNATURE_BYTES = 72

/** What a text holds, when it looks like a note; `undefined` for anything else. */
export function inspectNote(text: string): Inspection | undefined {
  if (!SIGNATURE_LINE.test(text)) return undefined
  const bytes = encodeUtf8(text)
  try {
    if (text.startsWith(`${TLOG_PROOF_FIRST_LINE}\n`)) return inspectProof(bytes)
    if (text.startsWith('\u2014 ')) {
      const items = parseSignatureLines(bytes).map(signatureItem)
      return { kind: 'signature lines of a signed note', items }
    }
    return inspectSignedNote(parseSignedNote(bytes))
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const begins = { name: 'begins', value: quoted(text.slice(0, 200)) }
    return { kind: 'unknown', items: [{ name: 'not a signed note', value: error.message }, begins] }
  }
}

function inspectSignedNote(note: SignedNote): Inspection {
  const isCheckpoint = tryRead(() => parseCheckpointText(note.text)) !== undefined
  const kind = isCheckpoint ? 'checkpoint (C2SP signed note)' : 'signed note'
  return { kind, items: noteItems(note) }
}

function inspectProof(bytes: Uint8Array): Inspection {
  const { leafIndex, inclusionPath, extra, checkpoint } = parseTlogProof(bytes)
  return {
    kind: 'tlog-proof',
    items: [
      { name: 'leaf index', value: String(leafIndex) },
      { name: 'path', value: `${inclusionPath.length} hashes` },
      ...(extra === undefined ? [] : [{ name: 'extra', value: bytesText(extra) }]),
      { name: 'checkpoint', items: noteItems(checkpoint.note) },
    ],
  }
}

function noteItems({ text, signatures }: SignedNote): Item[] {
  const checkpoint = tryRead(() => parseCheckpointText(text))
  const said =
    checkpoint === undefined
      ? [{ name: 'text', value: quoted(text) }]
      : [
          { name: 'origin', value: checkpoint.origin },
          { name: 'tree size', value: String(checkpoint.treeSize) },
          { name: 'root hash', value: encodeHex(checkpoint.rootHash) },
          ...checkpoint.extensionLines.map((value) => ({ name: 'extension', value })),
        ]
  return [...said, ...signatures.map(signatureItem)]
}

/** The type of a key is not in the line; a cosignature is told by its length. */
function signatureItem({ name, keyId, signature }: NoteSignature): Item {
  const time =
    signature.length === COSIGNATURE_BYTES
      ? new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
      : undefined
  const cosigned = time === undefined ? '' : `; as cosignature/v1 of ${formatTime(Number(time))}`
  return { name: 'signature', value: name, note: `key id ${keyId}, not verified${cosigned}` }
}
