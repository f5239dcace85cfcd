declare module 'cose-js' {
  interface Signer {
    readonly key: Readonly<Record<string, Buffer | undefined>>
  }
  const cose: {
    readonly sign: {
      create(
        headers: { readonly p?: object; readonly u?: object },
        payload: Buffer,
        signer: Signer,
      ): Promise<Buffer>
      verify(message: Buffer, verifier: Signer): Promise<Buffer>
    }
  }
  // eslint-disable-next-line no-restricted-syntax -- that is how the package exports
  export default cose
}
