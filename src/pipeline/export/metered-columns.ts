import { isExtensionColumn, keyColumns, TUNNEL_COLUMNS } from '../../cache/extension-writer.ts';
import { templateColumns } from '../../export/templates.ts';
import type { ColumnName } from '../../flow/fields.ts';
import type { ExportOptions } from './options.ts';

/**
 * What flows have beyond the core columns: what the template sends, what the key has, and the tunnels that are opened, as
 * far as packets tell it.
 */
export function meteredColumns({
  template,
  key,
  decap,
}: Pick<ExportOptions, 'template' | 'key' | 'decap'>): ColumnName[] {
  const wanted = [...templateColumns(template), ...keyColumns(key), ...(decap ? TUNNEL_COLUMNS : [])];
  return [...new Set(wanted)].filter(isExtensionColumn);
}
