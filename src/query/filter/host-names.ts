import { parseAddress } from '../../flow/address.ts';
import { UserError } from '../../flow/user-error.ts';
import { type AddressBlock, type AddressMember, type Filter, isBlock } from './tree.ts';
import { makePrefix } from './values.ts';

export type LookUp = (hostName: string) => Promise<readonly string[]>;
/** The addresses of a country (two capitals). */
export type CountryBlocks = (country: string) => Promise<readonly AddressBlock[]>;

const noCountries: CountryBlocks = async (country) => {
  throw new UserError(`filter: where is ${country}? Name a MaxMind database of countries with weir dump -G FILE`);
};

/** All addresses of a name as the system's resolver has them. */
export async function lookUpHostName(hostName: string): Promise<readonly string[]> {
  // Few filters have names, and the module takes its time to load.
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(hostName, { all: true });
  return found.map(({ address }) => address);
}

/** The same filter with every host name and every country replaced by its addresses. */
export async function resolveHostNames(
  filter: Filter,
  lookUp: LookUp = lookUpHostName,
  countries: CountryBlocks = noCountries,
): Promise<Filter> {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return {
        kind: filter.kind,
        parts: await Promise.all(filter.parts.map((part) => resolveHostNames(part, lookUp, countries))),
      };
    case 'not':
      return { kind: 'not', part: await resolveHostNames(filter.part, lookUp, countries) };
    case 'address': {
      const members = await Promise.all(filter.members.map((member) => addressesOf(member, lookUp, countries)));
      return { ...filter, members: members.flat() };
    }
    default:
      return filter;
  }
}

async function addressesOf(
  member: AddressMember,
  lookUp: LookUp,
  countries: CountryBlocks,
): Promise<readonly AddressMember[]> {
  if (isBlock(member)) return [member];
  if ('country' in member) return countries(member.country);
  let addresses: readonly string[];
  try {
    addresses = await lookUp(member.hostName);
  } catch (cause) {
    throw new UserError(`filter: no address found for the host name '${member.hostName}'`, { cause });
  }
  return addresses.map((text) => makePrefix(parseAddress(text)!, undefined, text.includes(':')));
}
