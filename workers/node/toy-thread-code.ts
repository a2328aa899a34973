/** The code of a thread that runs toy worlds, bundled for `new Worker(code, { eval: true })`. For tests over threads. */
import { join } from 'node:path';
import { build } from 'vite';

/** Bundles it; the text of a CommonJS module. */
export async function bundleToyThread(): Promise<string> {
  const root = join(import.meta.dirname, '../..');
  const entry = 'virtual:toy-thread';
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { runHostThread } from ${JSON.stringify(join(root, 'workers/host-thread.ts'))};
    import { toyBuilder } from ${JSON.stringify(join(root, 'core/testing/toy-world.ts'))};
    runHostThread(workerData, { builder: toyBuilder, nowMs: () => performance.now(),
      emit: (message) => parentPort.postMessage(message) });`;
  const output = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'toy-thread',
        resolveId: (id) => (id === entry ? `\0${entry}` : undefined),
        load: (id) => (id === `\0${entry}` ? code : undefined),
      },
    ],
    build: {
      write: false,
      minify: false,
      ssr: true,
      rollupOptions: { input: entry, output: { format: 'cjs' } },
    },
  });
  const result = Array.isArray(output) ? output[0] : output;
  return result && 'output' in result ? result.output[0].code : '';
}
