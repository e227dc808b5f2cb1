// Runs a TypeScript file of the project in a plain Node.js: `node run-ts.mjs FILE`.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
await runnerImport(process.argv[2], { root, configFile: false, logLevel: 'error' });
