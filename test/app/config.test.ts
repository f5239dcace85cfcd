import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configFrom } from '../../src/app/config.ts'
import type { RegistryConfig } from '../../src/app/config.ts'
import {
  optionName,
  SERVE_KEYS,
  SERVE_OPTIONS,
  variableName,
} from '../../src/app/config-options.ts'
import { gatherConfig } from '../../src/app/config-sources.ts'
import { nearestName } from '../../src/app/nearest-name.ts'
import { describeConfig, printConfig } from '../../src/app/print-config.ts'
import type { ServeFlags } from '../../src/app/serve-values.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()
let files = 0

function configFile(text: string): string {
  const path = join(directory, `config-${files++}.yaml`)
  writeFileSync(path, text)
  return path
}

interface Given {
  readonly file?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly flags?: ServeFlags
}

function load({ file, environment = {}, flags = {} }: Given): RegistryConfig {
  return configFrom(gatherConfig({ file, environment, flags }))
}

function problemsOf(given: Given): string {
  try {
    load(given)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' })
    return (error as Error).message
  }
  throw new Error('the configuration was taken')
}

describe('where the configuration comes from', () => {
  it('flags win over the environment, and that over the file', () => {
    const file = configFile('data: log\nport: 1\nhost: 10.0.0.1\ndrain-ms: 7\nrate-total: 2.5\n')
    const environment = { ATTESTRY_PORT: '2', ATTESTRY_HOST: '10.0.0.2' }
    const config = load({ file, environment, flags: { port: '3' } })
    expect(config).toMatchObject({ port: 3, host: '10.0.0.2', drainMs: 7 })
    expect(config.limits.registrationRate.totalPerSecond).toBe(2.5)
  })

  it('JSON is a configuration, too, and ATTESTRY_CONFIG names one', () => {
    const file = configFile(JSON.stringify({ data: '/srv/log', index: 'off', 'trust-proxy': true }))
    const config = load({ environment: { ATTESTRY_CONFIG: file } })
    expect(config.paths.directory).toBe('/srv/log')
    expect([config.index, config.limits.trustProxy]).toEqual([false, true])
  })

  it('paths of a file are meant from where the file is; those of a flag are not', () => {
    const file = configFile(
      'data: log\nguard: ../guard\noidc-jwks: ["https://idp.example=keys.json"]\n',
    )
    const { paths, submitters } = load({ file })
    expect(paths.directory).toBe(join(directory, 'log'))
    expect(paths.guard).toBe(join(directory, '../guard'))
    expect(submitters.oidcKeys[0]?.path).toBe(join(directory, 'keys.json'))
    expect(load({ file, flags: { data: 'here' } }).paths.directory).toBe(
      join(process.cwd(), 'here'),
    )
  })

  it('an empty variable says nothing, and a list in one is cut at commas', () => {
    const environment = {
      ATTESTRY_PORT: '',
      ATTESTRY_DATA: 'log',
      ATTESTRY_OIDC_JWKS: 'https://a.example=a, https://b.example=b',
    }
    const config = load({ environment })
    expect(config.port).toBe(8080)
    expect(config.submitters.oidcKeys.map(({ path }) => path)).toEqual(['a', 'b'])
  })

  it('every option is readable from each source under its name', () => {
    const samples: Record<string, string> = { receiptKey: '', oidcJwks: 'https://a.example=a' }
    for (const key of SERVE_KEYS) {
      const { usual, placeholder } = SERVE_OPTIONS[key]
      const [word] = placeholder?.split('|') ?? ['true']
      const sample =
        samples[key] ??
        (typeof usual === 'number' || placeholder === 'n' || placeholder === 'port' ? '1' : word!)
      if (sample === '') continue
      const text = `${optionName(key)}: ${JSON.stringify(sample)}\n`
      const sources = [
        { file: configFile(text), environment: {}, flags: {} },
        { environment: { [variableName(key)]: sample }, flags: {} },
        { environment: {}, flags: { [key]: sample } },
      ]
      for (const source of sources) {
        const given = gatherConfig(source)
        expect(given.problems).toEqual([])
        expect(SERVE_OPTIONS[key].read(given.flags[key]), key).toBeDefined()
      }
    }
  })
})

describe('what is wrong is told at once, with its place', () => {
  it('all of it', () => {
    const file = configFile('prot: 1\nbody-bytes-max: [1]\nindex: maybe\nhost: {}\n')
    const environment = { ATTESTRY_PORT: '99999', ATTESTRY_RATE_TOTL: '5' }
    const problems = problemsOf({ file, environment, flags: { auth: 'perhaps' } })
    for (const one of [
      `${file}: there is no option "prot"; did you mean "port"?`,
      'ATTESTRY_RATE_TOTL is no option of attestry; did you mean "ATTESTRY_RATE_TOTAL"?',
      'ATTESTRY_PORT is a whole number from 0 to 65535, not "99999"',
      `body-bytes-max in ${file} is a whole number from 1 to 16777216, not a list`,
      `index in ${file} is on or off, not "maybe"`,
      `host in ${file} is a text, not a map`,
      '--auth is optional or required, not "perhaps"',
      '--data is missing',
    ]) {
      expect(problems).toContain(one)
    }
    expect(problems.split('; ').length).toBeGreaterThanOrEqual(8)
  })

  it('databases that are none are among it, without their passwords', () => {
    const file = configFile('store: postgres://u:s3cret@db:nowhere/x\n')
    const problems = problemsOf({
      file,
      environment: { ATTESTRY_PORT: '99999' },
      flags: { data: 'x' },
    })
    expect(problems).toContain('ATTESTRY_PORT is a whole number')
    expect(problems).toContain(`store in ${file} is no readable URL of a PostgreSQL database`)
    expect(problems).toContain('needs --guard postgres://')
    expect(problems).not.toContain('s3cret')
    const flags = { data: 'x', port: '-1', store: 'u:s3cret@db' }
    const other = problemsOf({
      environment: { ATTESTRY_GUARD: 'postgres://u:s3cret@[db/x' },
      flags,
    })
    expect(other).toContain('--port is a whole number')
    expect(other).toContain('--store names no PostgreSQL database')
    expect(other).toContain('ATTESTRY_GUARD is no readable URL of a PostgreSQL database')
    expect(other).not.toContain('s3cret')
    const local = problemsOf({ environment: {}, flags: { data: 'x', store: './log.sqlite' } })
    expect(local).not.toContain('--guard')
  })

  it('variables of others are none of our business', () => {
    const environment = {
      ATTESTRY_TOKEN: 't',
      ATTESTRY_SERVICE_HOST: '10.0.0.1',
      ATTESTRY_DATA: 'x',
    }
    expect(load({ environment }).paths.directory).toMatch(/x$/)
  })

  it.each([
    ['a list', '- port\n', 'expected a map'],
    ['a name twice', 'port: 1\nport: 2\n', 'twice'],
    ['an alias', 'data: &a x\nguard: *a\n', 'YAML'],
    ['no YAML', 'data: [\n', 'YAML'],
  ])('a file that is %s', (_name, text, problem) => {
    expect(problemsOf({ file: configFile(text), flags: { data: 'x' } })).toContain(problem)
  })

  it('a file that is not there', () => {
    const file = join(directory, 'nothing.yaml')
    expect(problemsOf({ file, flags: { data: 'x' } })).toContain(`${file}: no such file`)
  })

  it('an empty file says nothing', () => {
    expect(load({ file: configFile('# nothing\n'), flags: { data: 'x' } }).port).toBe(8080)
  })
})

describe('--print-config', () => {
  it('says each value and its source, and can be read again as a file', () => {
    const given = gatherConfig({
      file: configFile('rate-per-client: 7\n'),
      environment: { ATTESTRY_PORT: '9' },
      flags: { data: '/srv/log', trustProxy: true },
    })
    const lines = printConfig(describeConfig(given))
    expect(lines).toContain('port: 9  # ATTESTRY_PORT')
    expect(lines).toContain('trust-proxy: true  # --trust-proxy')
    expect(lines).toContain('host: "127.0.0.1"  # default')
    expect(lines).toContain('# guard: DIR.guard beside DIR')
    const again = configFile(lines.join('\n'))
    expect(load({ file: again })).toMatchObject({
      ...{ port: 9, paths: { directory: '/srv/log' } },
      limits: { trustProxy: true, registrationRate: { perClientPerSecond: 7 } },
    })
  })

  it('masks the passwords of URLs', () => {
    const parameter = 'postgres://db/x?user=u&password=s3cret&sslmode=verify-full'
    const flags = { guard: 'postgres://u:s3cret@db/x', store: parameter }
    const given = gatherConfig({ flags, environment: {} })
    const text = printConfig(describeConfig(given)).join('\n')
    expect(text).toContain('postgres://u:***@db/x')
    expect(text).toContain('postgres://db/x?user=u&password=***&sslmode=verify-full')
    expect(text).not.toContain('s3cret')
  })
})

describe('nearestName', () => {
  it('forgives two slips and no more', () => {
    expect(nearestName('prt', ['port', 'host'])).toBe('port')
    expect(nearestName('hots', ['port', 'host'])).toBe('host')
    expect(nearestName('witness', ['port', 'host'])).toBeUndefined()
  })
})
