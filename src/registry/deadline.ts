/** Waiting for a promise, and no longer than promised to the client. Reads no clock. */

/**
 * The value of `work`, or `undefined` when it takes longer than `milliseconds`. The work goes on
 * then, and a later failure of it is ignored: its client has been told to come back.
 */
export async function within<Value>(
  milliseconds: number,
  work: Promise<Value>,
): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
