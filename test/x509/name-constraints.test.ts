import { describe, expect, it } from 'vitest'
import { VerificationError } from '../../src/errors.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { parseCertificateChain, validatePath } from '../../src/x509/path.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import {
  generateTestKeys,
  issueCertificate,
  makeCa,
  TEST_NOW,
  type SubjectAttributes,
  type TestNames,
} from '../support/test-pki.ts'

interface Case {
  readonly permitted?: TestNames
  readonly excluded?: TestNames
  readonly san?: TestNames
  readonly subject?: SubjectAttributes
}

const keys = generateTestKeys('P-256')

async function holds(options: Case): Promise<boolean> {
  const { san, subject, ...constraints } = options
  const ca = makeCa({ keys, ...constraints })
  const leaf = issueCertificate({ ca, keys, ...(san && { san }), ...(subject && { subject }) })
  try {
    await validatePath({
      chain: parseCertificateChain(leaf.chain),
      roots: [parseCertificate(ca.der)],
      at: TEST_NOW,
      verifier,
    })
    return true
  } catch (error) {
    if (!(error instanceof VerificationError) || error.code !== 'ERR_X509_PATH') throw error
    return false
  }
}

const within: [string, Case][] = [
  ['the host itself', { permitted: { dns: ['example.com'] }, san: { dns: ['example.com'] } }],
  ['a host below', { permitted: { dns: ['example.com'] }, san: { dns: ['A.b.EXAMPLE.com'] } }],
  [
    'a host below a leading dot',
    { permitted: { dns: ['.example.com'] }, san: { dns: ['a.example.com'] } },
  ],
  [
    'a name of a form without constraint',
    { permitted: { dns: ['example.com'] }, san: { email: ['a@b.org'] } },
  ],
  ['no alternative name', { permitted: { dns: ['example.com'] } }],
  [
    'mail at the host',
    { permitted: { email: ['example.com'] }, san: { email: ['a@EXAMPLE.com'] } },
  ],
  [
    'mail below the host',
    { permitted: { email: ['.example.com'] }, san: { email: ['a@b.example.com'] } },
  ],
  ['one mailbox', { permitted: { email: ['a@example.com'] }, san: { email: ['a@example.com'] } }],
  [
    'a URI',
    { permitted: { uri: ['example.com'] }, san: { uri: ['https://u@example.com:8443/x?y#z'] } },
  ],
  [
    'a URI below',
    { permitted: { uri: ['.example.com'] }, san: { uri: ['spiffe://a.example.com/x'] } },
  ],
  ['an IPv4 address', { permitted: { ip: ['10.1.0.0/16'] }, san: { ip: ['10.1.2.3'] } }],
  [
    'an address at an odd prefix',
    { permitted: { ip: ['10.1.0.0/22'] }, san: { ip: ['10.1.3.255'] } },
  ],
  ['an IPv6 address', { permitted: { ip: ['2001:db8::/32'] }, san: { ip: ['2001:db8::1'] } }],
  [
    'a subject',
    {
      permitted: { directory: [{ C: 'US', O: 'Acme' }] },
      subject: { C: 'US', O: 'ACME', CN: 'x' },
    },
  ],
  [
    'a host beside an excluded one',
    { excluded: { dns: ['bad.example.com'] }, san: { dns: ['example.com'] } },
  ],
  [
    'an empty permitted name, which allows all',
    { permitted: { dns: [''] }, san: { dns: ['a.org'] } },
  ],
]

const outside: [string, Case][] = [
  ['another host', { permitted: { dns: ['example.com'] }, san: { dns: ['example.org'] } }],
  [
    'a host that only ends alike',
    { permitted: { dns: ['example.com'] }, san: { dns: ['badexample.com'] } },
  ],
  [
    'the host under a leading dot',
    { permitted: { dns: ['.example.com'] }, san: { dns: ['example.com'] } },
  ],
  [
    'one bad name among good ones',
    { permitted: { dns: ['example.com'] }, san: { dns: ['example.com', 'x.org'] } },
  ],
  ['an excluded host', { excluded: { dns: ['example.com'] }, san: { dns: ['a.Example.com'] } }],
  [
    'an excluded host with a final dot',
    { excluded: { dns: ['example.com'] }, san: { dns: ['a.example.com.'] } },
  ],
  [
    'the host of an excluded leading dot',
    { excluded: { dns: ['.example.com'] }, san: { dns: ['example.com'] } },
  ],
  [
    'a wildcard that reaches an excluded host',
    { excluded: { dns: ['a.example.com'] }, san: { dns: ['*.example.com'] } },
  ],
  [
    'excluded wins over permitted',
    {
      permitted: { dns: ['example.com'] },
      excluded: { dns: ['a.example.com'] },
      san: { dns: ['a.example.com'] },
    },
  ],
  [
    'mail below where the host alone is permitted',
    { permitted: { email: ['example.com'] }, san: { email: ['a@b.example.com'] } },
  ],
  [
    'mail at the host where below is permitted',
    { permitted: { email: ['.example.com'] }, san: { email: ['a@example.com'] } },
  ],
  [
    'another mailbox',
    { permitted: { email: ['a@example.com'] }, san: { email: ['b@example.com'] } },
  ],
  [
    'mail without a host',
    { permitted: { email: ['example.com'] }, san: { email: ['example.com'] } },
  ],
  [
    'an excluded mailbox in other case',
    { excluded: { email: ['a@example.com'] }, san: { email: ['A@Example.com'] } },
  ],
  [
    'mail in the subject',
    { permitted: { email: ['example.com'] }, subject: { CN: 'x', emailAddress: 'a@b.org' } },
  ],
  [
    'a URI elsewhere',
    { permitted: { uri: ['example.com'] }, san: { uri: ['https://example.org/example.com'] } },
  ],
  [
    'a host in the user part of a URI',
    { permitted: { uri: ['example.com'] }, san: { uri: ['https://example.com@evil.org/'] } },
  ],
  [
    'a URI without a host',
    { permitted: { uri: ['example.com'] }, san: { uri: ['urn:example.com'] } },
  ],
  [
    'a URI without a host, excluded',
    { excluded: { uri: ['example.com'] }, san: { uri: ['urn:x'] } },
  ],
  [
    'a URI with an address',
    { excluded: { uri: ['example.com'] }, san: { uri: ['https://10.1.2.3/'] } },
  ],
  ['another address', { permitted: { ip: ['10.1.0.0/16'] }, san: { ip: ['10.2.2.3'] } }],
  [
    'an address past an odd prefix',
    { permitted: { ip: ['10.1.0.0/22'] }, san: { ip: ['10.1.4.0'] } },
  ],
  [
    'an address of the other family',
    { permitted: { ip: ['10.1.0.0/16'] }, san: { ip: ['2001:db8::1'] } },
  ],
  ['an excluded address', { excluded: { ip: ['10.0.0.0/8'] }, san: { ip: ['10.2.2.3'] } }],
  [
    'another subject',
    { permitted: { directory: [{ C: 'US', O: 'Acme' }] }, subject: { C: 'US', O: 'Acmes' } },
  ],
  [
    'a subject in another order',
    { permitted: { directory: [{ C: 'US', O: 'Acme' }] }, subject: { O: 'Acme', C: 'US' } },
  ],
  [
    'an excluded subject in other spelling',
    { excluded: { directory: [{ O: 'Acme Corp' }] }, subject: { O: ' ACME  corp ', CN: 'x' } },
  ],
  [
    'an excluded alternative directory name',
    { excluded: { directory: [{ O: 'Acme' }] }, san: { directory: [{ O: 'Acme' }] } },
  ],
  [
    'a form that is not supported',
    { permitted: { registeredId: ['1.2.3'] }, san: { registeredId: ['1.2.3'] } },
  ],
  [
    'an excluded form that is not supported',
    { excluded: { registeredId: ['1.2.4'] }, san: { registeredId: ['1.2.3'] } },
  ],
]

describe('name constraints', () => {
  it.each(within)('admit %s', async (_, options) => {
    expect(await holds(options)).toBe(true)
  })

  it.each(outside)('refuse %s', async (_, options) => {
    expect(await holds(options)).toBe(false)
  })

  it('of every CA apply to all certificates below it, intermediates too', async () => {
    const root = makeCa({ name: 'Root', permitted: { directory: [{ O: 'Acme' }] } })
    const stray = makeCa({ ca: root, subject: { O: 'Other' } })
    const leaf = issueCertificate({ ca: stray, subject: { O: 'Acme', CN: 'x' } })
    const roots = [parseCertificate(root.der)]
    const chain = parseCertificateChain(leaf.chain)
    await expect(validatePath({ chain, roots, at: TEST_NOW, verifier })).rejects.toThrow('outside')
  })
})

describe('name constraints are bounded', () => {
  it('in names times subtrees', async () => {
    const many = Array.from({ length: 400 }, (_, i) => `${i}.example`)
    const ca = makeCa({ keys, permitted: { dns: ['', ...many.slice(0, 99)] } })
    const leaf = issueCertificate({ ca, keys, san: { dns: many } })
    const chain = parseCertificateChain(leaf.chain)
    const roots = [parseCertificate(ca.der)]
    await expect(validatePath({ chain, roots, at: TEST_NOW, verifier })).rejects.toThrow('too many')
  })
})
