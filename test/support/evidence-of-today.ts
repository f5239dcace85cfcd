/** A TD quote and collateral that hold at the clock of this machine, for servers that read it. */
import { encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { makeDcap, makeIntelPki } from './intel-pki.ts'
import type { Dcap, DcapOptions, IntelPki } from './intel-pki.ts'

const DAY_MS = 86_400_000
const [from, until] = [new Date(Date.now() - DAY_MS), new Date(Date.now() + DAY_MS)]
const certificate = { notBefore: from, notAfter: until }
const iso = (date: Date): string => date.toISOString().replace(/\.[0-9]+Z$/, 'Z')
const window = { issueDate: iso(from), nextUpdate: iso(until) }
const list = { thisUpdate: from, nextUpdate: until }

const pki: IntelPki = makeIntelPki({
  ...{ root: certificate, pckCa: certificate, tcbSigner: certificate },
})

/** SHA-256 of the root, hex: what a policy pins. */
export const ROOT_OF_TODAY: string = encodeHex(sha256(pki.root.der))

/** A quote with its collateral, good for a day. */
export function dcapOfToday(options: Pick<DcapOptions, 'reportData' | 'trailing'> = {}): Dcap {
  return makeDcap({
    ...{ tee: 'tdx', pki, platform: { certificate }, ...options },
    ...{ tcbInfo: window, qeIdentity: window, rootCrl: list, pckCrl: list },
  })
}
