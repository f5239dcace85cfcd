/** Where the module of a worker thread is: beside the module that starts it, once both are built. */

/**
 * The worker `name.js` beside the module at `url` (its `import.meta.url`). Undefined where the sources
 * run unbuilt: Node cannot load a TypeScript worker, and the work stays on the thread that asks.
 */
export function builtWorker(name: string, url: string): URL | undefined {
  // After the build every module ends in `.js`.
  return url.endsWith('.js') ? new URL(`./${name}.js`, url) : undefined
}
