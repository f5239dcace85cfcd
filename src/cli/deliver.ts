/**
 * Handing events over: a line of JSON on standard output, a command, or a webhook. Each returns when
 * the receiver has the event, and fails otherwise; the caller keeps its place and comes again.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rootMessage } from '../client/exchange.ts'
import { UnavailableError } from '../errors.ts'
import type { WatchEvent } from '../monitor/watch-log.ts'
import { escapeJson } from './escape.ts'

export interface DeliveryOptions {
  readonly exec?: string
  readonly webhook?: string
}

export type Deliver = (event: WatchEvent, signal: AbortSignal) => Promise<void>

const WEBHOOK_MS_MAX = 30_000

/** The way that the options name. Each throws UnavailableError when the event did not arrive. */
export function deliveryOf({ exec, webhook }: DeliveryOptions): Deliver {
  if (exec !== undefined) return (event) => execute(exec, event)
  if (webhook !== undefined) return (event, signal) => post(webhook, event, signal)
  return async (event) => {
    if (!process.stdout.write(`${escapeJson(event)}\n`)) await once(process.stdout, 'drain')
  }
}

/** The command is the operator's own; what the log says reaches it as data only. */
async function execute(command: string, event: WatchEvent): Promise<void> {
  const child = spawn(command, {
    shell: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: {
      ...process.env,
      ATTESTRY_ENTRY_ID: event.entryId,
      ATTESTRY_LEAF_INDEX: String(event.leafIndex),
    },
  })
  child.stdin.on('error', () => undefined) // the command may not want its input
  child.stdin.end(`${JSON.stringify(event)}\n`)
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (status === 0) return
  const how = status === null ? `was ended by ${signal ?? 'a signal'}` : `ended with ${status}`
  throw new UnavailableError('ERR_DELIVERY', `the command ${how} for entry ${event.leafIndex}`)
}

async function post(url: string, event: WatchEvent, ending: AbortSignal): Promise<void> {
  let status: string
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `"${event.entryId}"` },
      body: JSON.stringify(event),
      redirect: 'error',
      signal: AbortSignal.any([ending, AbortSignal.timeout(WEBHOOK_MS_MAX)]),
    })
    await response.body?.cancel()
    if (response.ok) return
    status = `answered ${response.status}`
  } catch (cause) {
    status = cause instanceof Error ? `failed: ${rootMessage(cause)}` : 'failed'
  }
  throw new UnavailableError('ERR_DELIVERY', `the webhook ${status} for entry ${event.leafIndex}`)
}
