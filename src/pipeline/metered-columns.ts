import { isExtensionColumn, keyColumns } from '../cache/extension-writer.ts';
import { presetColumns } from '../export/templates.ts';
import type { ColumnName } from '../flow/fields.ts';
import type { ExportOptions } from './export-options.ts';

/** What flows have beyond the core columns: what the template sends and what the key has, as far as packets tell it. */
export function meteredColumns({ template, key }: Pick<ExportOptions, 'template' | 'key'>): ColumnName[] {
  return [...new Set([...presetColumns(template), ...keyColumns(key)])].filter(isExtensionColumn);
}
