import { type RecordField, RecordLayout } from '../wire/encode-record.ts';
import { V5_LAYOUT } from '../wire/encode-v5.ts';
import { VERSION_V5 } from '../wire/protocol.ts';
import { Announcer } from './announcer.ts';
import type { ExportVersion } from './exporter-options.ts';
import { flowClass, ROW_CLASSES } from './row-classes.ts';
import { hasDirection, separatesIcmp, type TemplateSelection } from './templates.ts';

/** A flow template as it goes out. */
export interface TemplateDescription {
  /** 0 for NetFlow v5, which has none. */
  readonly id: number;
  readonly family: 4 | 6;
  /** Of flows whose direction is known; such flows, and ICMP's, have templates of their own in some presets. */
  readonly directionKnown: boolean;
  readonly icmp: boolean;
  /** Of biflows that had packets both ways. */
  readonly reverse: boolean;
  readonly fields: readonly RecordField[];
  readonly recordBytes: number;
}

/** Every template that a run with this version and template may send. */
export function describeTemplates(
  version: ExportVersion,
  template: TemplateSelection,
  biflow = false,
): TemplateDescription[] {
  if (version === VERSION_V5) {
    const { recordBytes } = new RecordLayout(V5_LAYOUT, 4);
    return [{ id: 0, family: 4, directionKnown: false, icmp: false, reverse: false, fields: V5_LAYOUT, recordBytes }];
  }
  const announcer = new Announcer({
    version,
    template,
    domain: 0,
    sampling: { rate: 1, random: false },
    interfaces: [],
    keyFields: [],
    refreshMs: 1,
    refreshDatagrams: 1,
  });
  const templates: TemplateDescription[] = [];
  for (let rowClass = 0; rowClass < ROW_CLASSES; rowClass++) {
    const flows = flowClass(rowClass);
    if ((flows.directionKnown && !hasDirection(template)) || (flows.icmp && !separatesIcmp(template))) continue;
    if (flows.reverse && !biflow) continue;
    const { id, layout } = announcer.template(rowClass);
    templates.push({ id, ...flows, fields: layout.fields, recordBytes: layout.recordBytes });
  }
  return templates;
}
