/**
 * What operators see of a serving registry: events of outages, metrics, and the listener that these are
 * read from. Metrics are not made when no admin port is configured.
 */
import { createAdminServer } from '../http/admin-server.ts'
import { drainServer } from '../http/drain.ts'
import type { Reach } from '../log/observer.ts'
import type { AdminConfig } from './config-sections.ts'
import type { RegistryConfig, ServiceEvent } from './config.ts'
import { listen } from './listening.ts'
import { addGauges } from './metric-gauges.ts'
import type { GaugeSources } from './metric-gauges.ts'
import { ServiceMetrics } from './metrics.ts'

/** A configuration whose events are counted, and what counts. */
export interface Observed {
  readonly config: RegistryConfig
  readonly metrics: ServiceMetrics | undefined
}

/** Counts events from here on, if anybody can ask for the numbers. */
export function observe(config: RegistryConfig): Observed {
  if (config.admin === undefined) return { config, metrics: undefined }
  const metrics = new ServiceMetrics()
  const report: RegistryConfig['report'] = (event) => {
    metrics.onEvent(event)
    config.report(event)
  }
  return { config: { ...config, report }, metrics }
}

/** A store or guard that is lost, or back. */
export function reachEvent({ place, error }: Reach): ServiceEvent {
  if (error === undefined) return { level: 'info', event: `${place}-answers` }
  const { code, message } = error
  return { level: 'error', event: `${place}-unreachable`, code, message }
}

/** A listener for operators. */
export interface AdminListener {
  readonly url: string
  close(): Promise<void>
}

/** @throws StartError `ERR_CONFIGURATION` when its address cannot be used. */
export async function openAdminListener(
  address: AdminConfig,
  metrics: ServiceMetrics,
  sources: Omit<GaugeSources, 'config'> & { readonly config: RegistryConfig },
): Promise<AdminListener> {
  const { registry } = metrics
  addGauges(registry, sources)
  const server = createAdminServer({
    metrics: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    readiness: sources.readiness,
    onFailure: (error) => {
      const { message } = error as Error
      sources.config.report({ level: 'error', event: 'admin-failed', message })
    },
  })
  const url = await listen(server, address)
  return {
    url,
    close: async () => {
      await drainServer(server, 0)
      registry.clear()
    },
  }
}
