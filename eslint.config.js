/**
 * Lint rules. Types do the heavy lifting (strictTypeChecked); the rest keeps files small, bytes
 * portable, and time and chance injected. Layers are not linted here: see `npm run layers`.
 */
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { portableRooms } from './tools/layers.mjs'

/** @param {readonly string[]} rooms */
const filesOf = (rooms) =>
  rooms.map((room) => (room.endsWith('.ts') ? `src/${room}` : `src/${room}/**`))

const useParseDecimal = 'parseDecimal() refuses what parseInt() silently accepts'
const useClock = 'time is injected: take a Clock, or UnixSeconds'

const clockAndChance = [
  { object: 'Date', property: 'now', message: useClock },
  { object: 'Math', property: 'random', message: 'chance is injected' },
  { object: 'process', property: 'env', message: 'read once, in app/config.ts' },
]

const defaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'named exports only',
}

const recursiveMkdir = {
  selector: "CallExpression[callee.name=/^mkdir/] Property[key.name='recursive']",
  message: 'it never ends in /proc: makeDirectory() of app/make-directory.ts',
}

export default defineConfig(
  {
    ignores: [
      ...['dist/', 'coverage/', 'data/', 'node_modules/', 'test/vectors/'],
      'src/payload/schemas.generated.*',
    ],
  },
  {
    files: ['**/*.{ts,js,mjs}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-syntax': ['error', defaultExport],
      'max-lines': ['error', 400],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      // noUncheckedIndexedAccess asks for `!` where a loop has just bounded the index; `as` hides more.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A port's method is async so that what it throws arrives as a rejection.
      '@typescript-eslint/require-await': 'off',
      // process.env['X'] reads as what it is: a look-up that may find nothing.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
    },
  },
  {
    files: ['src/**'],
    rules: {
      'max-lines-per-function': ['error', { max: 70 }],
      // Three, and an options object.
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-globals': ['error', { name: 'parseInt', message: useParseDecimal }],
      'no-restricted-properties': [
        'error',
        { object: 'Number', property: 'parseInt', message: useParseDecimal },
        ...clockAndChance,
      ],
      'no-restricted-syntax': [
        'error',
        defaultExport,
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: useClock },
        { selector: 'TSEnumDeclaration', message: 'a union of literals instead' },
      ],
    },
  },
  {
    files: ['src/{app,cli,keys}/**'],
    rules: {
      'no-console': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': ['error', defaultExport, recursiveMkdir],
    },
  },
  {
    // The codecs themselves: parseInt() there reads digits that a pattern has just accepted.
    files: ['src/bytes/**'],
    rules: { 'no-restricted-properties': ['error', ...clockAndChance] },
  },
  {
    // cbor-x declares its no-eval build by way of '.', which does not resolve: it has no types here.
    files: ['src/cbor/decode.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    // Bit operators are 32-bit in JavaScript: never on an index or a size.
    files: ['src/**'],
    ignores: ['src/bytes/**', 'src/cbor/**', 'src/cose/**'],
    rules: { 'no-bitwise': 'error' },
  },
  {
    files: filesOf(portableRooms),
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'parseInt', message: useParseDecimal },
        { name: 'Buffer', message: 'bytes are Uint8Array below the portable line' },
        { name: 'process', message: 'there is no process below the portable line' },
      ],
    },
  },
  {
    // Tests and tools handle untyped JSON and third-party packages without types.
    files: ['test/**', 'tools/**', 'bench/**', '*.{ts,js,mjs}', '.*.mjs'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      // readVectorJson<T>() and its like say what the test expects the JSON to be.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    // Configuration files are read by tools that ask for a default export.
    files: ['*.{ts,js,mjs}', '.*.mjs'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
