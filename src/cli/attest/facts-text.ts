/** What an appraisal established, for people and for programs: `attest` and `appraise` say it alike. */
import { encodeHex } from '../../bytes/hex.ts'
import type { Appraisal } from '../../payload/tee/appraise-evidence.ts'
import type { EvidenceFacts, TcbFacts } from '../../payload/tee/evidence.ts'
import type { VerifiedBinding } from '../../payload/tee/verify-binding.ts'
import { fields, formatNumber, formatTime } from '../terminal.ts'
import type { Line } from '../terminal.ts'

type Row = readonly [string, string | undefined]

/** Beyond this date nothing ends that has a date at all. */
const END_OF_DATES = 253_402_300_800

/** Registers of zeros measure nothing and are left out. */
const isMeasured = ({ value }: { readonly value: string }): boolean => /[^0]/.test(value)

/** The facts as lines. */
export function appraisalLines(appraisal: Appraisal): Line[] {
  const { facts, platform, bindings, findings } = appraisal
  return [
    ...fields([
      ...factRows(facts),
      ...(platform === undefined ? [] : platformRows(platform)),
      ...bindings.map(bindingRow),
      ['holds', windowText(appraisal)],
    ]),
    ...findings.map(({ code, message }): Line => ({ text: `finding ${code}: ${message}`, tone: 'warn' })), // prettier-ignore
  ]
}

function factRows(facts: EvidenceFacts): Row[] {
  const { teeType, debug, fmspc, evidenceTime, platformCertificateSha256, reportData } = facts
  return [
    ['tee', teeType],
    ['debug', debug ? 'yes: it can be looked into from outside' : 'no'],
    ...facts.measurements.filter(isMeasured).map(({ name, value }): Row => [name, value]),
    ['report data', reportData.length === 0 ? 'none' : encodeHex(reportData)],
    ...tcbRows(facts.tcb),
    ['fmspc', fmspc],
    ['made at', evidenceTime === undefined ? undefined : formatTime(evidenceTime)],
    ['platform certificate', platformCertificateSha256],
  ]
}

function tcbRows(tcb: TcbFacts | undefined): Row[] {
  if (tcb === undefined) return []
  const { status, date, advisories, evaluationNumber, parts, svns } = tcb
  return [
    ['tcb', date === undefined ? status : `${status} since ${formatTime(date)}`],
    ...Object.entries(parts).map(([part, level]): Row => {
      const noted = level.advisories.length === 0 ? '' : ` (${level.advisories.join(', ')})`
      return [`tcb ${part}`, level.status + noted]
    }),
    ['advisories', advisories.length === 0 ? undefined : advisories.join(', ')],
    ['evaluation number', evaluationNumber?.toString()],
    ...Object.entries(svns).map(([name, value]): Row => [name, value]),
  ]
}

function platformRows(facts: EvidenceFacts): Row[] {
  return factRows(facts).map(([name, value]): Row => [`platform ${name}`, value])
}

function bindingRow({ type, keyThumbprint, payloadSha256, buildId, after }: VerifiedBinding): Row {
  const parts = [
    keyThumbprint === undefined ? undefined : `key ${keyThumbprint}`,
    payloadSha256 === undefined ? undefined : `payload sha256:${payloadSha256}`,
    buildId === undefined ? undefined : `build ${buildId}`,
    after && `made after the checkpoint of size ${formatNumber(after.treeSize)} of ${after.origin}`,
  ]
  return [`bound by ${type}`, parts.filter((part) => part !== undefined).join(', ')]
}

function windowText({ validFrom, validUntil }: Appraisal): string {
  const from = validFrom <= 0 ? 'any time' : formatTime(validFrom)
  return `from ${from} ${validUntil >= END_OF_DATES ? 'on' : `until ${formatTime(validUntil)}`}`
}

/** The same as members of a JSON object. */
export function appraisalJson(appraisal: Appraisal): Record<string, unknown> {
  const { facts, platform, bindings, findings, validFrom, validUntil } = appraisal
  return {
    ...factsJson(facts),
    ...(platform === undefined ? {} : { platform: factsJson(platform) }),
    bindings: bindings.map(bindingJson),
    findings,
    validFrom,
    validUntil: validUntil >= END_OF_DATES ? null : validUntil,
  }
}

function factsJson(facts: EvidenceFacts): Record<string, unknown> {
  const { teeType, measurements, debug, tcb, fmspc, reportData, evidenceTime } = facts
  return {
    teeType,
    debug,
    measurements,
    reportData: encodeHex(reportData),
    tcb: tcb ?? null,
    fmspc: fmspc ?? null,
    evidenceTime: evidenceTime ?? null,
    platformCertificate: facts.platformCertificateSha256 ?? null,
  }
}

function bindingJson({ after, ...binding }: VerifiedBinding): Record<string, unknown> {
  if (after === undefined) return binding
  const { origin, treeSize, rootHash, note } = after
  const root = encodeHex(rootHash)
  return { ...binding, after: { origin, treeSize: Number(treeSize), rootHash: root, note } }
}
