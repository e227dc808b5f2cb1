import { jsonText } from '../../flow/json.ts';
import { ExtraReader } from './exporter-name.ts';
import { accessList, latencyMs, wholeOf } from './extra-cells.ts';
import { type Member, ofExtra } from './json-members.ts';

export const latencies = ofExtra((read, out, before) => {
  const found = [
    ['cli_latency', latencyMs(read, '57554', '57555', '57595')],
    ['srv_latency', latencyMs(read, '57556', '57557', '57596')],
    ['app_latency', latencyMs(read, '57558', '57559', '57597')],
  ] as const;
  if (found.every(([, ms]) => ms === 0)) return;
  for (const [key, ms] of found) {
    out.label(before(key));
    out.ascii(ms.toFixed(6));
  }
});

/** The point that saw the flow, and its domain: its own, else that of the datagram. */
export const observation: Member = {
  needs: ['domain', 'extra'],
  ifStored: ['extra'],
  bind: (chunk, { before }) => {
    const domains = chunk.narrow('domain');
    const extras = new ExtraReader(chunk);
    return (out, row) => {
      const own = extras.member(row, 'observationDomainId');
      const point = extras.member(row, 'observationPointId');
      if (own === '' && point === '') return;
      out.label(before('observationDomainID'));
      out.ascii(own === '' ? String(domains[row]) : String(wholeOf(own)));
      out.label(before('observationPointID'));
      out.ascii(String(wholeOf(point)));
    };
  },
};

export const accessLists = ofExtra((read, out, before) => {
  for (const [key, element] of [
    ['ingress_acl', '33000'],
    ['egress_acl', '33001'],
  ] as const) {
    if (read('33000') === '' && read('33001') === '') return;
    out.label(before(key));
    out.ascii(
      `"${accessList(read(element))
        .map((id) => `0x${id.toString(16)}`)
        .join('/')}"`,
    );
  }
});

export const userName = ofExtra((read, out, before) => {
  const name = read('40000');
  if (name === '') return;
  out.label(before('user_name'));
  out.text(jsonText(name));
});

export const natPool: Member = {
  needs: ['extra'],
  bind: (chunk, { before, stored }) => {
    const extras = stored('extra') ? new ExtraReader(chunk) : undefined;
    const start = before('nat_pool_id');
    return (out, row) => {
      out.label(start);
      out.ascii(String(wholeOf(extras?.member(row, 'natPoolId') ?? '')));
    };
  },
};

const PORT_BLOCK = [
  ['pblock_start', 'portRangeStart'],
  ['pblock_end', 'portRangeEnd'],
  ['pblock_step', 'portRangeStepSize'],
  ['pblock_size', 'portRangeNumPorts'],
] as const;

export const portBlock = ofExtra((read, out, before) => {
  if (PORT_BLOCK.every(([, name]) => read(name) === '')) return;
  for (const [key, name] of PORT_BLOCK) {
    out.label(before(key));
    out.ascii(String(wholeOf(read(name))));
  }
});
