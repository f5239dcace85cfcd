/** A reader of Server-Sent Events (WHATWG HTML §9.2.6) for tests: ids, data and heartbeats. */
export interface SseEvent {
  /** Last event id after this event. */
  readonly id: string
  readonly event: string
  readonly data: string
}

export interface EventStream {
  readonly status: number
  readonly headers: Headers
  /** Events as they come; ends with the stream, also when it is cut. */
  readonly events: AsyncGenerator<SseEvent, void, undefined>
  /** Id that a reconnecting client would send, and lines that are no event. */
  readonly seen: { lastId: string; comments: number }
  readonly abort: () => void
}

export async function openEvents(
  url: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const controller = new AbortController()
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: controller.signal,
  })
  const seen = { lastId: '', comments: 0 }
  return {
    ...{ status: response.status, headers: response.headers, seen },
    events: readEvents(response, seen),
    abort: () => controller.abort(),
  }
}

async function* readEvents(
  response: Response,
  seen: EventStream['seen'],
): AsyncGenerator<SseEvent, void, undefined> {
  let rest = ''
  try {
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      rest += decoder.decode(chunk, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop()!
      for (const block of blocks) {
        const event = readBlock(block, seen)
        if (event !== undefined) yield event
      }
    }
  } catch {
    // Aborted, or cut.
  }
}

function readBlock(block: string, seen: EventStream['seen']): SseEvent | undefined {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const at = line.indexOf(':')
    if (at === 0) seen.comments += 1
    else fields.set(line.slice(0, at), line.slice(at + 1).replace(/^ /, ''))
  }
  seen.lastId = fields.get('id') ?? seen.lastId
  const data = fields.get('data')
  if (data === undefined) return undefined
  return { id: seen.lastId, event: fields.get('event') ?? 'message', data }
}
