import type { ColumnName } from '../../flow/fields.ts';
import { NO_IDENT } from '../../flow/ident.ts';
import type { Chunk } from '../chunk.ts';
import type { CellMaker } from './cells.ts';
import { ExtraReader, exporterReader } from './exporter-name.ts';
import { toldText } from './told-text.ts';

/** Reads a member of the row's `extra`, a number or a text as text; empty without. */
type Member = (name: string) => string;

/** A cell made of members of `extra`: its text, which csv has without the padding of text output. */
function ofExtra(text: (member: Member, csv: boolean) => string): CellMaker {
  return ({ csv }) => ({
    needs: ['extra'],
    bind: (chunk) => {
      const extras = new ExtraReader(chunk);
      let row = 0;
      const member: Member = (name) => extras.member(row, name);
      return (out, at) => {
        row = at;
        out.text(toldText(text(member, csv), csv));
      };
    },
  });
}

const decoder = new TextDecoder();

/** The whole JSON object. */
export const extraObject: CellMaker = ({ csv }) => ({
  needs: ['extra'],
  bind: (chunk) => (out, row) => out.text(toldText(decoder.decode(chunk.text('extra', row)), csv)),
});

/** The ident of the file that a flow is in. */
export const fileIdent: CellMaker = ({ csv, ident }) => {
  const cell = (text: string) => (csv ? toldText(text, csv) : toldText(text, csv).padEnd(12));
  const ofAll = cell(typeof ident === 'object' ? ident.ofAll : NO_IDENT);
  return {
    needs: [],
    bind: (chunk) => {
      if (ident !== 'column') return (out) => out.text(ofAll);
      return (out, row) => out.text(cell(decoder.decode(chunk.text('ident', row))));
    },
  };
};

/** A number, right-aligned; 0 without. */
export function extraNumber(name: string, width: number): CellMaker {
  return ofExtra((member, csv) => (member(name) || '0').padStart(csv ? 0 : width));
}

/** A text; `absent` without. */
export function extraText(name: string, absent: string): CellMaker {
  return ofExtra((member) => member(name) || absent);
}

/** A member as a whole number; 0 for what is none: other programs write files, too. */
export function wholeOf(text: string): bigint {
  return /^(\d{1,20}|0x[\da-f]{1,16})$/i.test(text) ? BigInt(text) : 0n;
}

/** IPFIX 138. */
export const observationPoint = ofExtra((member, csv) => {
  const id = member('observationPointId');
  if (id === '') return '0x00';
  const digits = wholeOf(id).toString(16);
  return `0x${digits.padStart(csv ? 0 : 10, '0')}`;
});

/** The domain that the record names (149), else the one of the datagram that it came in. */
export const observationDomain: CellMaker = ({ csv }) => ({
  needs: ['domain', 'extra'],
  bind: (chunk) => {
    const domains = chunk.narrow('domain');
    const extras = new ExtraReader(chunk);
    return (out, row) => {
      const own = extras.member(row, 'observationDomainId');
      if (own === '') out.ascii(`0x${domains[row]!.toString(16).padStart(2, '0')}`);
      else {
        const digits = wholeOf(own).toString(16);
        out.ascii(`0x${digits.padStart(csv ? 0 : 9, '0')}`);
      }
    };
  },
});

const PLACES_OF_LATENCY = 9;

/**
 * Milliseconds of one of nProbe's latencies: seconds and microseconds, or milliseconds, under its own numbers in v9.
 */
export function latencyMs(member: Member, seconds: string, microseconds: string, milliseconds: string): number {
  const number = (name: string) => {
    const value = Number(member(name));
    return Number.isFinite(value) ? value : 0;
  };
  return number(seconds) * 1000 + number(microseconds) / 1000 + number(milliseconds);
}

export function latency(...elements: [seconds: string, microseconds: string, milliseconds: string]): CellMaker {
  return ofExtra((member, csv) =>
    latencyMs(member, ...elements)
      .toFixed(3)
      .padStart(csv ? 0 : PLACES_OF_LATENCY),
  );
}

const [DONT_FRAGMENT, MORE_FRAGMENTS] = [0x40, 0x20];

/** IPFIX 197 as four characters. */
export function fragmentText(flags: number): string {
  return (flags & DONT_FRAGMENT ? 'DF' : '--') + (flags & MORE_FRAGMENTS ? 'MF' : '--');
}

/** The three numbers of an access list of Cisco's ASA, from twelve octets. */
export function accessList(octets: string): readonly number[] {
  return [2, 10, 18].map((at) => Number.parseInt(octets.slice(at, at + 8), 16) || 0);
}

export const ingressAcl = ofExtra((member) =>
  accessList(member('33000'))
    .map((id) => `0x${id.toString(16).padEnd(8)}`)
    .join(' '),
);

export const egressAcl = ofExtra((member, csv) =>
  accessList(member('33001'))
    .map((id) => String(id).padStart(csv ? 0 : 10))
    .join(' '),
);

/** IPFIX 95 as `engine..selector`. */
export const applicationId = ofExtra((member, csv) => {
  const id = member('applicationId');
  if (id === '') return '0..0..0';
  const [engine = '', ...selector] = id.split(':');
  return [engine.padStart(csv ? 0 : 2), ...selector].join('..');
});

const NAME_NEEDS: readonly ColumnName[] = ['exporterHi', 'exporterLo', 'extra'];

/** What the exporter calls the application. */
export const applicationName: CellMaker = ({ csv, names }) => ({
  needs: NAME_NEEDS,
  bind: (chunk: Chunk) => {
    const exporter = exporterReader(chunk);
    const extras = new ExtraReader(chunk);
    return (out, row) => {
      const id = extras.member(row, 'applicationId');
      if (id === '') out.ascii(csv ? 'no-nbar' : '<no nbar>');
      else {
        const name = names?.name(exporter(row), 'applications', id) || (csv ? 'no-info' : '<no info>');
        out.text(toldText(name, csv));
      }
    };
  },
});
