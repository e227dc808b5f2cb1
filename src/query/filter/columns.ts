import type { ColumnName } from '../../flow/fields.ts';
import { addressTerms, type Guard, numberTerms, type Operand } from './terms.ts';
import type { Filter } from './tree.ts';

const COMPUTED: Readonly<Record<Extract<Operand, { computed: string }>['computed'], readonly ColumnName[]>> = {
  duration: ['firstMs', 'lastMs'],
  pps: ['packets', 'firstMs', 'lastMs'],
  bps: ['octets', 'firstMs', 'lastMs'],
  bpp: ['packets', 'octets'],
  flows: ['flows'],
};
const GUARDS: Readonly<Record<Guard, ColumnName>> = { tcp: 'proto', icmp: 'proto', engine: 'exportVersion' };

/** The columns that a filter looks at, some of them perhaps twice. */
export function filterColumns(filter: Filter): ColumnName[] {
  switch (filter.kind) {
    case 'any':
    case 'ident':
      return [];
    case 'and':
    case 'or':
      return filter.parts.flatMap(filterColumns);
    case 'not':
      return filterColumns(filter.part);
    case 'number':
    case 'ranges': {
      const { operands, guard } = numberTerms.get(filter.term)!;
      const read = operands.flatMap((operand) => ('column' in operand ? [operand.column] : COMPUTED[operand.computed]));
      return guard === undefined ? read : [...read, GUARDS[guard]];
    }
    case 'address':
      return addressTerms
        .get(filter.term)!
        .fields.flatMap((field) => [`${field}Hi`, `${field}Lo`] as unknown as ColumnName[]);
    case 'element':
      return ['extra'];
    case 'portBlock': {
      const { operands } = numberTerms.get(filter.term)!;
      return ['extra', ...operands.flatMap((operand) => ('column' in operand ? [operand.column] : []))];
    }
    case 'flags':
      return ['proto', 'tcpFlags'];
    case 'family':
      return ['srcAddrHi', 'srcAddrLo', 'dstAddrHi', 'dstAddrLo'];
    case 'ttlEqual':
      return ['minTtl', 'maxTtl'];
  }
}
