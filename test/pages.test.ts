import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/process.ts';

const DECISIONS = 'docs/decisions';
const records = readdirSync(join(ROOT, DECISIONS)).filter((name) => /^\d{4}-.*\.md$/.test(name));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...['docs', DECISIONS].flatMap((directory) =>
    readdirSync(join(ROOT, directory))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${directory}/${name}`),
  ),
];

function textOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** What a heading is called in links, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

it('docs/decisions/README.md lists every record once, by its title', () => {
  const lines = records.map((name) => {
    const title = /^# (\d{4}): (.+)\n/.exec(textOf(`${DECISIONS}/${name}`));
    return `- [${title?.[1]}](${name}) ${title?.[2]}`;
  });
  const listed = textOf(`${DECISIONS}/README.md`).match(/^- .*$/gm);
  expect(listed?.sort()).toEqual(lines.sort());
});

it('docs/README.md lists every page', () => {
  const listed = textOf('docs/README.md');
  const missing = pages.filter(
    (page) => /^docs\/(?!README)[^/]+$/.test(page) && !listed.includes(`](${page.slice(5)})`),
  );
  expect(missing).toEqual([]);
});

describe.each(pages)('%s', (page) => {
  it('links to what is there', () => {
    const targets = [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = targets.filter(([, path, anchor]) => {
      const target = path === '' ? page : join(dirname(page), path!);
      if (!existsSync(join(ROOT, target))) return true;
      if (anchor === undefined) return false;
      const headings = textOf(target).match(/^#+ .+$/gm) ?? [];
      return !headings.some((heading) => anchorOf(heading.replace(/^#+ /, '')) === anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});
