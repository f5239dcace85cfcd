/** Collateral for people: each part with the time in which it counts. Nothing is verified. */
import { openSignedJson } from '../../payload/tee/dcap-json.ts'
import type { CollateralBundle } from '../../payload/tee/collateral-bundle.ts'
import { readQeIdentity } from '../../payload/tee/qe-identity.ts'
import { parseList } from '../../payload/tee/revocation.ts'
import { readTcbInfo } from '../../payload/tee/tcb-info.ts'
import { commonName } from '../../x509/name.ts'
import { formatTime } from '../terminal.ts'
import { bytesText } from './cbor-text.ts'
import { certificateItem } from './headers.ts'
import type { Item } from './item.ts'
import { tryRead } from './try-read.ts'

/** All parts of a bundle, in its order. */
export function collateralItems(bundle: CollateralBundle): Item[] {
  return Object.entries(bundle).flatMap(([part, value]) =>
    value instanceof Uint8Array
      ? [partItem(part, value)]
      : (value as readonly Uint8Array[]).map((item, at) => partItem(`${part} [${at}]`, item)),
  )
}

function partItem(name: string, bytes: Uint8Array): Item {
  const read = tryRead(() => {
    if (name === 'intel-tcb-info') return tcbInfoItem(name, bytes)
    if (name === 'intel-qe-identity') return qeIdentityItem(name, bytes)
    return name.includes('crl') && !name.includes('chain') ? listItem(name, bytes) : certificateItem(name, bytes) // prettier-ignore
  })
  return read ?? { name, value: bytesText(bytes), note: 'unreadable' }
}

const windowText = (from: number, until: number): string =>
  `${formatTime(from)} … ${formatTime(until)}`

function tcbInfoItem(name: string, bytes: Uint8Array): Item {
  const info = readTcbInfo(openSignedJson(bytes, 'tcbInfo', 'tcb-info-malformed').value)
  return {
    name,
    value: windowText(info.issueDate, info.nextUpdate),
    items: [
      { name: 'for', value: `${info.tee}, fmspc ${info.fmspc}` },
      { name: 'evaluation number', value: String(info.evaluationNumber) },
    ],
  }
}

function qeIdentityItem(name: string, bytes: Uint8Array): Item {
  const opened = openSignedJson(bytes, 'enclaveIdentity', 'qe-identity-malformed').value
  const { tee, issueDate, nextUpdate, evaluationNumber } = readQeIdentity(opened)
  return {
    name,
    value: windowText(issueDate, nextUpdate),
    items: [
      { name: 'for', value: tee },
      { name: 'evaluation number', value: String(evaluationNumber) },
    ],
  }
}

function listItem(name: string, der: Uint8Array): Item {
  const { issuer, thisUpdate, nextUpdate, revoked } = parseList(der)
  return {
    name,
    value: windowText(thisUpdate, nextUpdate),
    items: [
      { name: 'by', value: commonName(issuer) ?? 'a name without CN' },
      { name: 'revoked', value: `${revoked.size} certificates` },
    ],
  }
}
