/** Real publishers' files, and what is expected of each (../shared/vectors/README.md). */
import { describe, expect, it } from 'vitest'
import { hasVectors, readVector } from '../../support/vectors.ts'
import { findingsOf, readAs, valuesOf } from '../evaluations/unsigned.ts'

const IN_TOTO = 'application/vnd.in-toto+json'

describe.skipIf(!hasVectors)('real samples', () => {
  it.each([
    ['provenance/slsa/artifact-attestation.slsa-v1.statement.json', 'provenance'],
    ['provenance/slsa/attestation1.intoto.json', 'provenance'],
    ['provenance/slsa/oci-kubectl-linux-amd64-in-toto.json', 'provenance'],
    ['provenance/slsa/pdo_client_wawaka.provenance.json', 'provenance'],
    ['provenance/slsa/sigstore-2.1.0.slsa-v1.statement.json', 'provenance'],
    ['provenance/in-toto/reference.json', 'reference'],
    ['provenance/in-toto/test-result.json', 'test-result'],
    ['provenance/scai/gcc-helloworld/hello-world.scai.json', 'scai'],
    ['provenance/scai/hermetic-evidence/hermetic-build.scai.json', 'scai'],
    ['provenance/scai/hermetic-evidence/non-hermetic-build.scai.json', 'scai'],
    ['provenance/scai/sbom-slsa/evidence-collection.scai.json', 'scai'],
    ['provenance/scai/secure-boot/secure-boot.scai.json', 'scai'],
    ['provenance/scai/vuln-scan/no-vuln.scai.json', 'scai'],
  ])('%s is read', (path, kind) => {
    const read = readAs(readVector(path), IN_TOTO)
    expect(read).toMatchObject({ kind, refusal: '' })
    expect(read.digests.filter(({ role }) => role === 'subject')).not.toEqual([])
  })

  it.each([
    ['provenance/slsa/oci-dsse-att.json', 'provenance'],
    ['provenance/slsa/build.452e628a.dsse.json', 'provenance'],
    ['provenance/slsa/binary-linux-amd64.intoto.jsonl', 'provenance'],
    ['provenance/scai/hermetic-evidence/bad-build.1f575092.json', 'scai'],
    ['provenance/scai/hermetic-evidence/build.1f575092.json', 'scai'],
    ['provenance/scai/sbom-slsa/evidence-collection.1f575092.json', 'scai'],
  ])('%s, a DSSE envelope, is read as what is inside', (path, kind) => {
    const read = readAs(readVector(path), 'application/vnd.in-toto+dsse')
    expect(read).toMatchObject({ kind, refusal: '' })
  })

  it.each([
    ['sigstore/bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl', 'sha256'],
    ['sigstore/reusable-workflow-attestation.sigstore.json', 'sha256'],
    ['sigstore/sigstore-js-2.1.0-bundle.json', 'sha512'],
  ])('%s, a bundle, is read as what is inside', (path, algorithm) => {
    const read = readAs(readVector(path), 'application/vnd.dev.sigstore.bundle.v0.3+json')
    expect(read).toMatchObject({ kind: 'provenance', refusal: '' })
    expect(read.digests).toContainEqual(expect.objectContaining({ role: 'subject', algorithm }))
  })

  it.each([
    ['provenance/in-toto/release.json', '/subject/0/digest/sha256'],
    ['provenance/in-toto/svr-1.json', '/subject/0/digest/sha256'],
    ['provenance/in-toto/svr-2.json', '/subject/0/digest/sha256'],
    ['provenance/in-toto/svr-3.json', '/subject/0/digest/sha256'],
    ['provenance/in-toto/model-manifest.json', '/_type'],
    ['evaluations/vulns/certify-vuln.json', '/subject/0/digest'],
    ['evaluations/vulns/certify-vuln-v02.json', '/subject/0/digest'],
    ['evaluations/vulns/certify-novuln-v02.json', '/subject/0/digest/sha256'],
  ])('%s is refused at %s', (path, pointer) => {
    const read = readAs(readVector(path), IN_TOTO)
    expect(read).toMatchObject({ kind: 'opaque', refusal: `ERR_PAYLOAD_MALFORMED ${pointer}` })
  })

  it('what a messy provenance lacks is said', () => {
    const kubectl = readAs(readVector('provenance/slsa/oci-kubectl-linux-amd64-in-toto.json'))
    expect(new Set(findingsOf(kubectl))).toEqual(
      new Set(['not-a-uri', 'build-type-missing', 'digest-form']),
    )
    expect(valuesOf(kubectl, 'builder-id')).toEqual([
      'Project Collection Build Service (AzureContainerUpstream)',
    ])
    // 75 subjects, some of them the same file under two names.
    expect(kubectl.digests.filter(({ role }) => role === 'subject')).toHaveLength(65)
  })

  it('the draft name v1.0 is not taken for SLSA v1', () => {
    const read = readAs(readVector('provenance/slsa/slsa1-provenance.json'), IN_TOTO)
    expect(read).toMatchObject({ kind: 'in-toto', refusal: '', attributes: [] })
    expect(findingsOf(read)).toEqual(['draft-not-read'])
  })

  it('an SBOM of 14 packages', () => {
    const read = readAs(
      readVector('evaluations/spdx/alpine-small-spdx.json'),
      'application/spdx+json',
    )
    expect(read).toMatchObject({ kind: 'sbom', refusal: '', findings: [] })
    expect(valuesOf(read, 'purl').length).toBeGreaterThan(0)
  })

  it.each([
    'valid-bom-1.6.json',
    'valid-vulnerability-1.6.json',
    'valid-attestation-1.6.json',
    'valid-attestation-1.7.json',
  ])('CycloneDX %s', (name) => {
    const read = readAs(
      readVector(`evaluations/cyclonedx/${name}`),
      'application/vnd.cyclonedx+json',
    )
    expect(read).toMatchObject({ kind: 'sbom', refusal: '' })
  })
})
