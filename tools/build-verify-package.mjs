/** `npm run package:verify [FOLDER]`: writes the consumer's tarball, into `dist/` unless told. */
import { buildVerifyPackage } from './verify-package.mjs'

console.log(await buildVerifyPackage(process.argv[2] ?? 'dist'))
