/**
 * The port behind a witness of other logs: for each origin the largest checkpoint that it cosigned.
 * A witness is only as good as this record: it is durable before a cosignature leaves, it moves by
 * compare-and-swap, and it never goes back. Adapter: `store/sqlite/sqlite-witness-records.ts`.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { RootHash } from '../merkle/hasher.ts'

/** What a witness cosigned last for one origin. */
export interface WitnessRecord {
  /** 0..2^63−1: other logs may be larger than ours. */
  readonly treeSize: bigint
  readonly rootHash: RootHash
  readonly cosignedAt: UnixSeconds
  /** The checkpoint with the log's signatures and the witness's. */
  readonly checkpoint: Uint8Array
}

/** One record an origin. */
export interface WitnessRecords {
  find(origin: string): Promise<WitnessRecord | undefined>

  /**
   * Replaces the record if its size and root are still those of `from` (`undefined`: there is none),
   * durably. `moved` when another request was faster: nothing was written then.
   */
  advance(
    origin: string,
    from: WitnessRecord | undefined,
    to: WitnessRecord,
  ): Promise<'advanced' | 'moved'>

  close(): Promise<void>
}
