/** The memory store and guard keep the contracts, and what was written survives `close`. */
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts'
import { describeGuard } from '../contract/guard.ts'
import { describeLogStore } from '../contract/log-store.ts'
import { describeSharedGuard, describeSharedLogStore } from '../contract/shared.ts'

describeLogStore('memory', async () => {
  const store = new MemoryLogStore()
  return { store, reopen: async () => store, dispose: () => store.close() }
})

describeGuard('memory', async () => {
  const guard = new MemoryGuard()
  return { guard, reopen: async () => guard, dispose: () => guard.close() }
})

describeLogStore('shared memory', async () => {
  const store = new MemoryLogStore({ shared: true })
  return { store, reopen: async () => store, dispose: () => store.close() }
})

describeGuard('shared memory', async () => {
  const guard = new MemoryGuard({ shared: true })
  return { guard, reopen: async () => guard, dispose: () => guard.close() }
})

describeSharedLogStore('memory', async () => {
  const store = new MemoryLogStore({ shared: true })
  return { nodes: [store, store], dispose: () => store.close() }
})

describeSharedGuard('memory', async () => {
  const guard = new MemoryGuard({ shared: true })
  return { nodes: [guard, guard], dispose: () => guard.close() }
})
