/**
 * The same request again while the service says that it is busy, as long as patience lasts; then the
 * service's own words, which say more than ours.
 */
import type { Answer } from './exchange.ts'
import type { Patience } from './patience.ts'
import { mayPass, serviceError } from './service-error.ts'

/**
 * @param isPassing whether to try again; by default what it says itself.
 * @throws AttestryError as `serviceError` when patience is used up; and what `send` throws.
 */
export async function sendPatiently(
  send: () => Promise<Answer>,
  patience: Patience,
  isPassing: (answer: Answer) => boolean = mayPass,
): Promise<Answer> {
  for (;;) {
    const answer = await send()
    if (!isPassing(answer)) return answer
    await patience.pause(answer.retryAfterSeconds, 'the service is busy').catch(() => {
      throw serviceError(answer)
    })
  }
}
