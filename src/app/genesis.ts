/**
 * The first statements of a log (design D4): its Registration Policy and its trust anchors, signed
 * by the operator key, here or elsewhere. What is signed elsewhere goes through files: documents
 * out, statements in. Nothing that exists is overwritten.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UnixSeconds } from '../bytes/integers.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { ALGORITHMS } from '../cose/algorithms.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { verifySign1 } from '../cose/sign1.ts'
import type { Signer } from '../cose/signer.ts'
import { AttestryError, StartError } from '../errors.ts'
import { PAYLOAD_VALIDATOR } from '../payload/validate-payload.ts'
import { EVIDENCE_CHECK } from '../policy/tee-evidence-policy.ts'
import {
  encodeRegistrationPolicy,
  encodeTrustAnchorsDocument,
  parseRegistrationPolicy,
  parseTrustAnchorsDocument,
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../policy/registration-policy.ts'
import { signStatement } from '../statement/sign-statement.ts'
import { assertRegistrable, parseSignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { makeDirectory } from './make-directory.ts'

/** One of the two documents that a log starts with. */
export interface GenesisDocument {
  /** File name without extension. */
  readonly name: 'registration-policy' | 'trust-anchors'
  readonly subject: string
  readonly contentType: string
  readonly payload: Uint8Array
}

/** The documents of a new log, in the order of their entries. */
export function genesisDocuments(
  operatorKey: PublicKey,
  anchors: readonly TrustAnchor[],
  registrarKey?: PublicKey,
): readonly GenesisDocument[] {
  const policy = encodeRegistrationPolicy({
    version: 1,
    algorithms: ALGORITHMS.map(({ name }) => name),
    contentTypes: ['*'],
    operatorKeys: [operatorKey],
    payloadValidator: PAYLOAD_VALIDATOR,
    teeEvidence: { check: EVIDENCE_CHECK },
    ...(registrarKey === undefined ? {} : { registrarKeys: [registrarKey] }),
  })
  return [
    {
      name: 'registration-policy',
      subject: 'urn:attestry:registration-policy',
      contentType: REGISTRATION_POLICY_MEDIA_TYPE,
      payload: policy,
    },
    {
      name: 'trust-anchors',
      subject: 'urn:attestry:trust-anchors',
      contentType: TRUST_ANCHORS_MEDIA_TYPE,
      payload: encodeTrustAnchorsDocument(anchors),
    },
  ]
}

/** Signs the documents with the operator key; the results are canonical entries. */
export async function signGenesis(
  documents: readonly GenesisDocument[],
  by: { readonly issuer: string; readonly signer: Signer; readonly issuedAt: UnixSeconds },
): Promise<Uint8Array[]> {
  const statements = []
  for (const { payload, subject, contentType } of documents) {
    const statement = await signStatement({ payload, subject, contentType, ...by })
    statements.push(parseSignedStatement(statement).entry)
  }
  return statements
}

/** A document that waits for its signature, and where the signed statement is to be put. */
export interface UnsignedDocument {
  readonly document: string
  readonly signed: string
  readonly subject: string
  readonly contentType: string
}

/** Writes the documents that are to be signed elsewhere, unless they are there already. */
export async function writeGenesis(
  directory: string,
  documents: readonly GenesisDocument[],
): Promise<readonly UnsignedDocument[]> {
  makeDirectory(directory, 0o700)
  for (const { name, payload } of documents) {
    const path = join(directory, `${name}.json`)
    if ((await readIfPresent(path)) === undefined) await writeFile(path, payload, { flag: 'wx' })
  }
  return documents.map(({ name, subject, contentType }) => ({
    document: join(directory, `${name}.json`),
    signed: join(directory, `${name}.cose`),
    subject,
    contentType,
  }))
}

/**
 * Reads the statements that were signed elsewhere, and checks them; `undefined` while one is missing.
 * @throws StartError `ERR_CONFIGURATION` that names the file and what is wrong with it.
 */
export async function readGenesis(
  directory: string,
  documents: readonly GenesisDocument[],
  expected: GenesisExpectation,
): Promise<Uint8Array[] | undefined> {
  const entries: Uint8Array[] = []
  for (const document of documents) {
    const path = join(directory, `${document.name}.cose`)
    const bytes = await readIfPresent(path)
    if (bytes === undefined) return undefined
    try {
      entries.push(await checkStatement(bytes, document, expected))
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      const { message } = cause as AttestryError
      throw new StartError('ERR_CONFIGURATION', `${path}: ${message}`, { cause })
    }
  }
  return entries
}

/** The trust anchors of the two entries that a log starts with. */
export function anchorsOf(entries: readonly Uint8Array[]): readonly TrustAnchor[] {
  const statement = parseSignedStatement(entries[1]!)
  assertRegistrable(statement)
  return parseTrustAnchorsDocument(statement.message.payload)
}

/** Who must have signed, and as whom. */
export interface GenesisExpectation {
  readonly operatorKey: PublicKey
  readonly issuer: string
  readonly verifier: SignatureVerifier
}

async function checkStatement(
  bytes: Uint8Array,
  document: GenesisDocument,
  { operatorKey, issuer, verifier }: GenesisExpectation,
): Promise<Uint8Array> {
  const statement = parseSignedStatement(bytes)
  assertRegistrable(statement)
  const { headers, message, entry } = statement
  expect('issuer', headers.issuer, issuer)
  expect('subject', headers.subject, document.subject)
  expect('content type', headers.contentType, document.contentType)
  await verifySign1({ message, key: operatorKey, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
  if (document.name === 'trust-anchors') parseTrustAnchorsDocument(message.payload)
  else {
    const { operatorKeys } = parseRegistrationPolicy(message.payload)
    if (!operatorKeys.some(({ spki }) => equalBytes(spki, operatorKey.spki))) {
      throw new StartError('ERR_CONFIGURATION', 'the policy does not list the operator key')
    }
  }
  return entry
}

function expect(what: string, found: unknown, expected: string): void {
  if (found === expected) return
  throw new StartError('ERR_CONFIGURATION', `its ${what} is not "${expected}"`)
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
