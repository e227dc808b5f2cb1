import { parseAddress } from '../../flow/address.ts';
import { UserError } from '../../flow/user-error.ts';
import { type AddressMember, type Filter, isBlock } from './tree.ts';
import { makePrefix } from './values.ts';

export type LookUp = (hostName: string) => Promise<readonly string[]>;

/** All addresses of a name as the system's resolver has them. */
async function lookUpHostName(hostName: string): Promise<readonly string[]> {
  // Few filters have names, and the module takes its time to load.
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(hostName, { all: true });
  return found.map(({ address }) => address);
}

/** The same filter with every host name replaced by its addresses. */
export async function resolveHostNames(filter: Filter, lookUp: LookUp = lookUpHostName): Promise<Filter> {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return {
        kind: filter.kind,
        parts: await Promise.all(filter.parts.map((part) => resolveHostNames(part, lookUp))),
      };
    case 'not':
      return { kind: 'not', part: await resolveHostNames(filter.part, lookUp) };
    case 'address': {
      const members = await Promise.all(filter.members.map((member) => addressesOf(member, lookUp)));
      return { ...filter, members: members.flat() };
    }
    default:
      return filter;
  }
}

async function addressesOf(member: AddressMember, lookUp: LookUp): Promise<readonly AddressMember[]> {
  if (isBlock(member)) return [member];
  let addresses: readonly string[];
  try {
    addresses = await lookUp(member.hostName);
  } catch (cause) {
    throw new UserError(`filter: no address found for the host name '${member.hostName}'`, { cause });
  }
  return addresses.map((text) => makePrefix(parseAddress(text)!, undefined, text.includes(':')));
}
