/** Waiting for a promise, and no longer than promised to the client. Reads no clock. */

/**
 * The value of `work`, or `undefined` when it takes longer than `milliseconds`. The work goes on
 * then, and a later failure of it is ignored: its client has been told to come back.
 */
export function within<Value>(
  milliseconds: number,
  work: Promise<Value>,
): Promise<Value | undefined> {
  return new Promise((resolve) => {
    // All have the same length, and Node keeps one timer for those: this adds to a list.
    const timer = setTimeout(resolve, milliseconds, undefined)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      () => {
        clearTimeout(timer)
        // It fails as the work did.
        resolve(work)
      },
    )
  })
}
