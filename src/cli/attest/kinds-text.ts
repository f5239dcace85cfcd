/** What each kind of evidence is called, and the help of the command that attests it. */
import type { EvidenceKind } from '../../payload/tee/evidence-format.ts'

export const WHAT: Readonly<Record<EvidenceKind, string>> = {
  sgx: 'an Intel SGX quote',
  tdx: 'an Intel TDX quote',
  snp: 'an AMD SEV-SNP report, or a unit of configfs-tsm',
  nitro: 'an AWS Nitro attestation document',
  tpm: 'a TPM quote, also of an Azure confidential VM',
  cca: 'an Arm CCA token',
}

const EXAMPLES: Readonly<Record<EvidenceKind, string>> = {
  sgx: 'quote.bin --bind key --collateral pcs/',
  tdx: 'quote.bin --bind build --build-id "$RUN" --checkpoint note --log-key "$VKEY" \\\n      --collateral pcs/',
  snp: '/sys/kernel/config/tsm/report/r1 --bind payload --payload provenance.json',
  nitro: 'document.cbor --bind key',
  tpm: 'evidence.json --bind payload --payload provenance.json --policy policy.json',
  cca: 'token.cbor --bind key --policy policy.json',
}

export function attestHelp(kind: EvidenceKind): string {
  return `
FILE is ${WHAT[kind]}, exactly as the platform made it (docs/tee.md). With its
collateral and what it is bound to it becomes one container, which is appraised here as a
registry would, and then signed. Nothing is fetched: collateral comes from --collateral, a
directory or file of what the vendor's service serves, or a bundle; or it is registered already.

Ask for the bytes to attest first: attestry attest nonce. What is bound to nothing proves no
environment of anything else.

Exit status:
  0  signed
  1  not signed: it does not hold, or is not bound as you say
  4  wrong command line, a file that cannot be read, or one that is no such evidence

Example:
  $ attestry attest ${kind} ${EXAMPLES[kind]} \\
      --key issuer.pem --issuer https://ci.example.org --subject "$RUN" -o evidence.cose
`
}
