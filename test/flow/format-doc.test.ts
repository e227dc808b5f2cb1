import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { columns, fieldByName } from '../../src/flow/fields.ts';

const types: Record<string, string> = {
  u8: 'UINT_8',
  u16: 'UINT_16',
  u32: 'UINT_32',
  u64: 'UINT_64',
  timeMs: 'TIMESTAMP(MILLIS, UTC)',
  text: 'STRING',
};

/** The table of columns as docs/format.md has to have it. */
function columnTable(): string {
  const rows = columns.map((column) => {
    const field = fieldByName(column.field);
    const elements = [field.ie, field.ie6 ?? 0].filter((ie) => ie !== 0).join(', ');
    const half = column.sql.endsWith('_hi') ? ', high half' : column.sql.endsWith('_lo') ? ', low half' : '';
    return `| \`${column.sql}\` | ${types[column.type]} | ${elements} | ${column.core ? 'core' : ''} | ${column.type === 'text' ? 'empty' : column.absent} | ${field.doc}${half} |`;
  });
  return ['| column | type | IANA element | | absent | what |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

it('docs/format.md lists the columns of the registry', () => {
  const page = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8');
  const listed = /<!-- columns: .* -->\n([\s\S]*)\n<!-- end of columns -->/.exec(page)?.[1];
  expect(listed).toBe(columnTable());
});
