import { posix } from 'node:path';

/**
 * What a directory below `src` may import besides itself. Imports point downwards: cli, pipeline, the parts in the middle
 * (which do not know one another), wire, flow. `addon` is a leaf for everyone.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  flow: [],
  addon: [],
  wire: ['flow', 'addon'],
  config: ['flow'],
  capture: ['wire', 'flow', 'addon'],
  cache: ['wire', 'flow', 'addon'],
  export: ['wire', 'flow', 'addon'],
  collect: ['wire', 'flow', 'addon'],
  store: ['wire', 'flow', 'addon'],
  import: ['flow', 'addon'],
  anonymize: ['flow'],
  query: ['wire', 'flow', 'addon'],
  enrich: ['wire', 'flow', 'addon'],
  pipeline: [
    'capture',
    'cache',
    'export',
    'collect',
    'store',
    'import',
    'anonymize',
    'query',
    'enrich',
    'wire',
    'flow',
    'addon',
    'config',
  ],
  cli: [
    'pipeline',
    'anonymize',
    'capture',
    'cache',
    'export',
    'collect',
    'store',
    'query',
    'enrich',
    'wire',
    'flow',
    'addon',
    'config',
  ],
};

/** The same inside `src/pipeline`; the files at its top are for all of them. */
const PIPELINE_MAY_IMPORT: Record<string, readonly string[]> = {
  daemon: [],
  export: ['daemon'],
  archive: ['export', 'daemon'],
  collect: ['archive', 'daemon'],
  query: ['collect', 'daemon'],
};

/** Packages that one place alone may use. */
const PACKAGE_HOME: Record<string, readonly string[]> = {
  pcap: ['src/capture/'],
  cap: ['src/capture/'],
  '@duckdb/node-bindings': ['src/query/'],
  'mmdb-lib': ['src/enrich/'],
  yargs: ['src/cli/'],
  yaml: ['src/config/'],
};

/**
 * What is wrong with the imports of a project, one line each.
 * @param sources text of each file by its path from the root, `src/part/file.ts`
 */
export function importViolations(sources: ReadonlyMap<string, string>): string[] {
  const violations: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, text] of sources) {
    const targets: string[] = [];
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('.')) {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        targets.push(target);
        violations.push(...checkLocal(file, target, sources));
      } else violations.push(...checkPackage(file, specifier));
    }
    graph.set(file, targets);
    if (file !== 'src/addon/addon.ts' && /native\/dist/.test(text)) {
      violations.push(`${file}: only src/addon/addon.ts may load the native addon`);
    }
  }
  return [...violations, ...cycles(graph)];
}

/** Every specifier in `import`, `export ... from`, `import()` and `require()`. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const patterns = [
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require|resolve)\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!));
}

function checkLocal(file: string, target: string, sources: ReadonlyMap<string, string>): string[] {
  if (!target.startsWith('src/'))
    return target.startsWith('native/') ? [] : [`${file}: imports ${target}, outside of src`];
  if (!sources.has(target)) return [`${file}: imports ${target}, which does not exist`];
  const from = partOf(file);
  const to = partOf(target);
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined) return [`${file}: src/${from} is not a part that docs/architecture.md knows`];
  if (from === 'pipeline' && to === 'pipeline') return checkPipeline(file, target);
  return from === to || allowed.includes(to) ? [] : [`${file}: src/${from} may not import src/${to} (${target})`];
}

function checkPipeline(file: string, target: string): string[] {
  const [from, to] = [file, target].map((path) => path.split('/').slice(2, -1)[0]);
  if (to === undefined || from === to) return [];
  if (from !== undefined && PIPELINE_MAY_IMPORT[from]?.includes(to)) return [];
  return [`${file}: src/pipeline/${from ?? ''} may not import src/pipeline/${to} (${target})`];
}

function checkPackage(file: string, specifier: string): string[] {
  const [home] = Object.entries(PACKAGE_HOME).filter(
    ([name]) => specifier === name || specifier.startsWith(`${name}/`),
  );
  if (home === undefined || home[1].some((directory) => file.startsWith(directory))) return [];
  return [`${file}: the package ${home[0]} belongs to ${home[1].join(', ')}`];
}

function partOf(file: string): string {
  return file.split('/')[1]!;
}

/** Cycles among files, each told once by its alphabetically first file. */
function cycles(graph: ReadonlyMap<string, string[]>): string[] {
  const found = new Map<string, string>();
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const cycle = path.slice(at);
      const start = cycle.indexOf([...cycle].sort()[0]!);
      const turned = [...cycle.slice(start), ...cycle.slice(0, start)];
      found.set(turned.join(), `${turned.join(' -> ')} -> ${turned[0]}: a cycle`);
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...found.values()];
}
