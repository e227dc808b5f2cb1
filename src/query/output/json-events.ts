import type { ColumnName } from '../../flow/fields.ts';
import { extendedEventName } from '../names.ts';
import type { Member } from './json-members.ts';
import { wide, writeWide } from './numbers.ts';
import { presence } from './presence.ts';

/** When an event was; nothing where nobody said. */
export const eventTime: Member = {
  needs: ['eventMs'],
  bind: (chunk, { clock }) => {
    const words = chunk.words('eventMs');
    return (out, row, member) => {
      if ((words[row * 2]! | words[row * 2 + 1]!) === 0) return;
      member(out, 't_event');
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
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row, member) => {
        member(out, key);
        out.uint(cells[row]!);
        member(out, nameKey);
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
    bind: (chunk) => {
      const [words, versions] = [chunk.words('flowId'), chunk.narrow('exportVersion')];
      return (out, row, member) => {
        const isOurs = (versions[row] === 9) === isV9;
        if (!isV9 && (!isOurs || (words[row * 2]! | words[row * 2 + 1]!) === 0)) return;
        member(out, key);
        if (isOurs) writeWide(out, words, row);
        else out.byte(0x30);
      };
    },
  };
}

export const xevent: Member = {
  needs: ['firewallExtEvent'],
  ifStored: ['firewallExtEvent'],
  bind: (chunk) => {
    const cells = chunk.narrow('firewallExtEvent');
    return (out, row, member) => {
      if (cells[row] === 0) return;
      member(out, 'xevent');
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
    return (out, row, member) => {
      if (!isFirewall(row)) write(out, row, member);
    };
  },
};
