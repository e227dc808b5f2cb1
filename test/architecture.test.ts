import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, importViolations, MAY_IMPORT } from './support/architecture.ts';
import { ROOT } from './support/process.ts';

function project(): Map<string, string> {
  const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(names.map((name) => [`src/${name}`, readFileSync(join(ROOT, 'src', name), 'utf8')]));
}

describe('imports of the project', () => {
  it('point downwards, without cycles, each package at its place', () => {
    const sources = project();
    expect(sources.size).toBeGreaterThan(5);
    expect(importViolations(sources)).toEqual([]);
  });

  it('have a rule for every part, and no other', () => {
    expect(Object.keys(MAY_IMPORT).sort()).toEqual(readdirSync(join(ROOT, 'src')).sort());
  });

  it('are all seen: every relative specifier ends in .ts', () => {
    const odd = [...project()].flatMap(([file, text]) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('.') && !/\.(ts|json|cjs|node)$/.test(specifier))
        .map((specifier) => `${file}: ${specifier}`),
    );
    expect(odd).toEqual([]);
  });
});

describe('the check of the imports finds', () => {
  const good = { 'src/flow/a.ts': '', 'src/wire/a.ts': "import { a } from '../flow/a.ts';" };
  const cases: [string, Record<string, string>, RegExp][] = [
    [
      'an import upwards',
      { 'src/flow/b.ts': "import { a } from '../wire/a.ts';" },
      /src\/flow may not import src\/wire/,
    ],
    [
      'siblings that know each other',
      { 'src/cache/c.ts': "import type { d } from '../export/d.ts';", 'src/export/d.ts': '' },
      /src\/cache may not import src\/export/,
    ],
    [
      'an import over several lines',
      { 'src/store/e.ts': "import {\n  f,\n  g,\n} from '../query/f.ts';", 'src/query/f.ts': '' },
      /src\/store may not import src\/query/,
    ],
    [
      'an export from above',
      { 'src/wire/g.ts': "export * from '../cli/h.ts';", 'src/cli/h.ts': '' },
      /src\/wire may not import src\/cli/,
    ],
    [
      'a dynamic import',
      { 'src/query/i.ts': "await import('../pipeline/j.ts')", 'src/pipeline/j.ts': '' },
      /may not import src\/pipeline/,
    ],
    [
      'an addon that is no leaf',
      { 'src/addon/k.ts': "import { a } from '../flow/a.ts';" },
      /src\/addon may not import src\/flow/,
    ],
    ['a part that nobody knows', { 'src/misc/l.ts': "import { a } from '../flow/a.ts';" }, /src\/misc is not a part/],
    [
      'a second loader of the addon',
      { 'src/capture/m.ts': "require('../../native/dist/index.cjs')" },
      /only src\/addon\/addon.ts/,
    ],
    [
      'a pipe that knows another',
      {
        'src/pipeline/export/p.ts': "import { q } from '../collect/q.ts';",
        'src/pipeline/collect/q.ts': '',
      },
      /src\/pipeline\/export may not import src\/pipeline\/collect/,
    ],
    [
      'a package away from home',
      { 'src/collect/n.ts': "import cap from 'cap';" },
      /the package cap belongs to src\/capture/,
    ],
    [
      'a path inside a package',
      { 'src/cli/o.ts': "import x from '@duckdb/node-bindings/lib/x';" },
      /belongs to src\/query/,
    ],
    [
      'a cycle within a part',
      { 'src/wire/p.ts': "import './q.ts';", 'src/wire/q.ts': "import { r } from './p.ts';" },
      /src\/wire\/p.ts -> src\/wire\/q.ts -> src\/wire\/p.ts: a cycle/,
    ],
    ['a file that is not there', { 'src/wire/s.ts': "import './gone.ts';" }, /does not exist/],
    ['tests imported by the program', { 'src/wire/t.ts': "import '../../test/support/flow.ts';" }, /outside of src/],
  ];

  it.each(cases)('%s', (_, files, message) => {
    const found = importViolations(new Map(Object.entries({ ...good, ...files })));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  it('nothing in what is allowed', () => {
    const fine = {
      'src/addon/addon.ts': "const path = '../../native/dist/index.cjs';",
      'src/pipeline/query/u.ts': "import '../../query/v.ts';\nimport '../../store/w.ts';",
      'src/query/v.ts': "import duckdb from '@duckdb/node-bindings';\n// import '../store/w.ts';",
      'src/store/w.ts': "import { a } from '../addon/addon.ts';",
    };
    expect(importViolations(new Map(Object.entries({ ...good, ...fine })))).toEqual([]);
  });
});
