/**
 * Intel's TCB info, version 3 (SGX and TDX) and version 2 (SGX): for one kind of platform, which
 * security versions are at which level. Members that are not used are not looked at; Intel adds some.
 */
import { equalBytes, maskBytes } from '../../bytes/bytes.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { memberAt, objectAt } from '../json-members.ts'
import { JsonFields } from './dcap-json.ts'
import { EvidenceError } from './evidence.ts'
import { TCB_COMPONENTS } from './pck-certificate.ts'
import type { PckPlatform } from './pck-certificate.ts'
import { matchSvnLevel, NO_LEVEL, readLevel, readSvnLevels } from './tcb-level.ts'
import type { SvnLevel, TcbLevel } from './tcb-level.ts'
import type { TdReport } from './tdx-quote.ts'

/** A TDX module that Intel names. */
interface ModuleIdentity {
  readonly mrSigner: Uint8Array
  readonly attributes: Uint8Array
  readonly attributesMask: Uint8Array
  readonly levels: readonly SvnLevel[]
}

interface PlatformLevel {
  readonly componentSvns: readonly number[]
  readonly pceSvn: number
  readonly tdxSvns: readonly number[]
  readonly level: TcbLevel
}

/** Parsed TCB info; not to be believed before its signature and window were checked. */
export interface TcbInfo {
  readonly tee: 'sgx' | 'tdx'
  readonly issueDate: UnixSeconds
  readonly nextUpdate: UnixSeconds
  readonly fmspc: string
  readonly pceId: string
  readonly evaluationNumber: number
  /** The module of TDX 1.0, and of later ones by their id. */
  readonly module?: ModuleIdentity
  readonly modules: ReadonlyMap<string, ModuleIdentity>
  readonly levels: readonly PlatformLevel[]
}

const fields = new JsonFields('tcb-info-malformed', 'TCB info')

function readSvns(tcb: unknown, name: string): number[] {
  const components = fields.list(tcb, name)
  if (components.length !== TCB_COMPONENTS) throw fields.refuse(name)
  return components.map((component) => fields.integer(component, 'svn', 0xff))
}

/** Version 2 spells the components as `sgxtcbcomp01svn` to `sgxtcbcomp16svn`. */
function readOldSvns(tcb: unknown): number[] {
  return Array.from({ length: TCB_COMPONENTS }, (_, i) =>
    fields.integer(tcb, `sgxtcbcomp${String(i + 1).padStart(2, '0')}svn`, 0xff),
  )
}

function readModule(value: unknown, levels: readonly SvnLevel[]): ModuleIdentity {
  return {
    mrSigner: fields.bytes(value, 'mrsigner', 48),
    attributes: fields.bytes(value, 'attributes', 8),
    attributesMask: fields.bytes(value, 'attributesMask', 8),
    levels,
  }
}

function readModules(value: unknown): Map<string, ModuleIdentity> {
  const modules = new Map<string, ModuleIdentity>()
  for (const item of fields.list(value, 'tdxModuleIdentities', true)) {
    const id = fields.text(item, 'id').toUpperCase()
    if (modules.has(id)) throw fields.refuse('tdxModuleIdentities')
    modules.set(id, readModule(item, readSvnLevels(item, fields)))
  }
  return modules
}

function readTee(value: unknown, version: number): 'sgx' | 'tdx' {
  if (version === 2) return 'sgx'
  const id = fields.text(value, 'id')
  if (version !== 3 || (id !== 'SGX' && id !== 'TDX')) throw fields.refuse('version')
  return id === 'TDX' ? 'tdx' : 'sgx'
}

/**
 * Reads the value of the member `tcbInfo`.
 * @throws EvidenceError `tcb-info-malformed`
 */
export function readTcbInfo(value: unknown): TcbInfo {
  const version = fields.integer(value, 'version', 3)
  const tee = readTee(value, version)
  if (fields.integer(value, 'tcbType', 0xff) !== 0) throw fields.refuse('tcbType')
  const module = objectAt(value, 'tdxModule')
  if (tee === 'tdx' && module === undefined) throw fields.refuse('tdxModule')
  return {
    tee,
    issueDate: fields.time(value, 'issueDate'),
    nextUpdate: fields.time(value, 'nextUpdate'),
    fmspc: encodeHex(fields.bytes(value, 'fmspc', 6)),
    pceId: encodeHex(fields.bytes(value, 'pceId', 2)),
    evaluationNumber: fields.integer(value, 'tcbEvaluationDataNumber', 0xffff_ffff),
    ...(tee === 'tdx' ? { module: readModule(module, []) } : {}),
    modules: tee === 'tdx' ? readModules(value) : new Map<string, ModuleIdentity>(),
    levels: fields.list(value, 'tcbLevels').map((item) => {
      const tcb = memberAt(item, 'tcb')
      return {
        componentSvns: version === 2 ? readOldSvns(tcb) : readSvns(tcb, 'sgxtcbcomponents'),
        pceSvn: fields.integer(tcb, 'pcesvn', 0xffff),
        tdxSvns: tee === 'tdx' ? readSvns(tcb, 'tdxtcbcomponents') : [],
        level: readLevel(item, fields),
      }
    }),
  }
}

/** The first level that the platform reaches, and for TDX its `teeTcbSvn` too. */
export function matchPlatformLevel(
  info: TcbInfo,
  platform: PckPlatform,
  teeTcbSvn?: Uint8Array,
): TcbLevel {
  // From version 1 of the module on, its two bytes have levels of their own (`modules`).
  const first = teeTcbSvn !== undefined && teeTcbSvn[1]! > 0 ? 2 : 0
  const found = info.levels.find(
    ({ componentSvns, pceSvn, tdxSvns }) =>
      componentSvns.every((svn, i) => svn <= platform.componentSvns[i]!) &&
      pceSvn <= platform.pceSvn &&
      tdxSvns.every((svn, i) => i < first || svn <= (teeTcbSvn?.[i] ?? -1)),
  )
  return found?.level ?? NO_LEVEL
}

function checkModule(
  report: TdReport,
  { mrSigner, attributes, attributesMask }: ModuleIdentity,
): void {
  const masked = maskBytes(report.seamAttributes, attributesMask)
  if (!equalBytes(report.mrSignerSeam, mrSigner) || !equalBytes(masked, attributes)) {
    throw new EvidenceError('tdx-module', "the TDX module is not the one of Intel's TCB info")
  }
}

/** The identity that Intel has for the module of a `teeTcbSvn`. @throws EvidenceError `tdx-module` */
function findModule(info: TcbInfo, teeTcbSvn: Uint8Array): ModuleIdentity | undefined {
  const version = teeTcbSvn[1]!
  if (version === 0) return info.module
  return info.modules.get(`TDX_${encodeHex(Uint8Array.of(version)).toUpperCase()}`)
}

/**
 * Checks who signed the TDX module and with what attributes it runs.
 * @throws EvidenceError `tdx-module`
 */
export function checkTdxModule(info: TcbInfo, report: TdReport): void {
  const module = findModule(info, report.teeTcbSvn)
  if (module === undefined) {
    throw new EvidenceError(
      'tdx-module',
      'the TCB info does not know the version of the TDX module',
    )
  }
  checkModule(report, module)
}

/** The level of the module, which a module of version 0 does not have apart from its platform. */
export function matchModuleLevel(info: TcbInfo, teeTcbSvn: Uint8Array): TcbLevel | undefined {
  if (teeTcbSvn[1] === 0) return undefined
  const module = findModule(info, teeTcbSvn)
  return module === undefined ? NO_LEVEL : matchSvnLevel(module.levels, teeTcbSvn[0]!)
}
