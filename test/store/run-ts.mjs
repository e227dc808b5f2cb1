// Runs a TypeScript file of the project in a plain Node.js: `node run-ts.mjs FILE [ARGUMENT ...]`. The file finds its
// arguments where it would find them had it been started itself.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
process.argv.splice(1, 1);
await runnerImport(process.argv[1], { root, configFile: false, logLevel: 'error' });
