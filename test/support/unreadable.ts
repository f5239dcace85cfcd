/** Messages between threads that cannot be read where they arrive: Blobs, on a thread that makes none of them. */

const MAKE = 'messaging_deserialize_symbol'

/** Text of a module: the thread that runs it cannot read a Blob. */
export const READS_NO_BLOB = `{
  const make = Object.getOwnPropertySymbols(Blob.prototype).find((s) => s.description === '${MAKE}')
  Blob.prototype[make] = () => { throw new Error('no Blob here') }
}\n`

/** This thread cannot read a Blob until what is returned is called. */
export function readNoBlob(): () => void {
  const made = Blob.prototype as unknown as Record<symbol, unknown>
  const make = Object.getOwnPropertySymbols(made).find(({ description }) => description === MAKE)
  if (make === undefined) throw new Error('Node makes Blobs in another way')
  const real = made[make]
  made[make] = () => {
    throw new Error('no Blob here')
  }
  return () => {
    made[make] = real
  }
}
