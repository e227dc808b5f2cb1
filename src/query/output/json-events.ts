import type { ColumnName } from '../../flow/fields.ts';
import { wide } from '../../flow/u64.ts';
import { extendedEventName } from '../names.ts';
import type { Member } from './json-members.ts';
import { writeWide } from './numbers.ts';
import { presence } from './presence.ts';

/** When an event was; nothing where nobody said. */
export const eventTime: Member = {
  needs: ['eventMs'],
  bind: (chunk, { before, clock }) => {
    const words = chunk.words('eventMs');
    const start = before('t_event');
    return (out, row) => {
      if ((words[row * 2]! | words[row * 2 + 1]!) === 0) return;
      out.label(start);
      out.byte(0x22);
      clock.writeRfc3339(out, wide(words, row));
      out.byte(0x22);
    };
  },
};

/** A number, and its name. */
export function namedNumber(key: string, nameKey: string, name: ColumnName, text: (value: number) => string): Member {
  return {
    needs: [name],
    bind: (chunk, { before }) => {
      const cells = chunk.narrow(name);
      const [start, nameStart] = [before(key), before(nameKey)];
      return (out, row) => {
        out.label(start);
        out.uint(cells[row]!);
        out.label(nameStart);
        out.ascii(`"${text(cells[row]!)}"`);
      };
    },
  };
}

/** Element 148, which is a connection's in v9 and a flow's elsewhere. */
export function flowId(key: string, isV9: boolean): Member {
  return {
    needs: ['flowId', 'exportVersion'],
    ifStored: ['flowId'],
    bind: (chunk, { before }) => {
      const [words, versions] = [chunk.words('flowId'), chunk.narrow('exportVersion')];
      const start = before(key);
      return (out, row) => {
        const isOurs = (versions[row] === 9) === isV9;
        if (!isV9 && (!isOurs || (words[row * 2]! | words[row * 2 + 1]!) === 0)) return;
        out.label(start);
        if (isOurs) writeWide(out, words, row);
        else out.byte(0x30);
      };
    },
  };
}

export const xevent: Member = {
  needs: ['firewallExtEvent'],
  ifStored: ['firewallExtEvent'],
  bind: (chunk, { before }) => {
    const cells = chunk.narrow('firewallExtEvent');
    const start = before('xevent');
    return (out, row) => {
      if (cells[row] === 0) return;
      out.label(start);
      out.ascii(`"${extendedEventName(cells[row]!)}"`);
    };
  },
};

/** Columns of events that firewalls tell. */
export const FIREWALL: readonly ColumnName[] = ['firewallEvent', 'firewallExtEvent'];

/** Of flows that are no event of a firewall's, which have their time already. */
export const natEventTime: Member = {
  needs: [...eventTime.needs, ...FIREWALL],
  bind: (chunk, context) => {
    const isFirewall = presence(chunk, FIREWALL, context.stored);
    const write = eventTime.bind(chunk, context);
    return (out, row) => {
      if (!isFirewall(row)) write(out, row);
    };
  },
};
