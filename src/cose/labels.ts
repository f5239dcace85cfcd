/** COSE, CWT and SCITT numbers by name (IANA registries; RFC 9052, 9360, 9597, 9942, 9943, 9995). */

/** COSE header parameters. */
export const HEADER = {
  algorithm: 1,
  critical: 2,
  contentType: 3,
  keyId: 4,
  cwtClaims: 15,
  type: 16,
  x5chain: 33,
  x5t: 34,
  payloadHashAlgorithm: 258,
  preimageContentType: 259,
  payloadLocation: 260,
  receipts: 394,
  vds: 395,
  vdp: 396,
} as const

/** CWT claims (RFC 8392), and one of ours from the private range. */
export const CLAIM = {
  issuer: 1,
  subject: 2,
  issuedAt: 6,
  /** The size of the tree whose root is signed; a standard receipt leaves it unsigned (D2). */
  treeSize: -65537,
} as const

/** Verifiable data structures (RFC 9942; CCF is a draft profile). */
export const VDS = { rfc9162Sha256: 1, ccf: 2 } as const

/** Proof types inside label 396 for vds 1. */
export const PROOF = { inclusion: -1, consistency: -2 } as const

export const TAG_COSE_SIGN1 = 18
