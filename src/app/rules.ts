/**
 * The rules in force, read from the log itself: the first two entries (design D4). The log re-hashes
 * what it reads, and genesis checked the operator's signature, so the tree vouches for both.
 */
import { leafIndex } from '../bytes/integers.ts'
import { StartError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import {
  parseRegistrationPolicy,
  parseTrustAnchorsDocument,
} from '../policy/registration-policy.ts'
import type { RulesInForce } from '../registry/ports.ts'
import { assertRegistrable, parseSignedStatement } from '../statement/signed-statement.ts'

const POLICY_INDEX = leafIndex(0)
const ANCHORS_INDEX = leafIndex(1)

/** @throws StartError `ERR_LOG_CORRUPT` when the log does not start with its rules. */
export async function readRules(log: Pick<Log, 'readEntry'>): Promise<RulesInForce> {
  try {
    return {
      policy: parseRegistrationPolicy(payloadOf(await log.readEntry(POLICY_INDEX))),
      anchors: parseTrustAnchorsDocument(payloadOf(await log.readEntry(ANCHORS_INDEX))),
      policyIndex: ANCHORS_INDEX,
    }
  } catch (cause) {
    throw new StartError(
      'ERR_LOG_CORRUPT',
      'the log does not start with a Registration Policy and trust anchors that can be read',
      { cause },
    )
  }
}

function payloadOf(entry: Uint8Array): Uint8Array {
  const statement = parseSignedStatement(entry)
  assertRegistrable(statement)
  return statement.message.payload
}
