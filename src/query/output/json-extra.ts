import { ExtraReader } from './exporter-name.ts';
import { accessList, latencyMs } from './extra-cells.ts';
import { type Member, ofExtra } from './json-members.ts';

export const latencies = ofExtra((read, out, member) => {
  const found = [
    ['cli_latency', latencyMs(read, '57554', '57555', '57595')],
    ['srv_latency', latencyMs(read, '57556', '57557', '57596')],
    ['app_latency', latencyMs(read, '57558', '57559', '57597')],
  ] as const;
  if (found.every(([, ms]) => ms === 0)) return;
  for (const [key, ms] of found) {
    member(out, key);
    out.ascii(ms.toFixed(6));
  }
});

/** The point that saw the flow, and its domain: its own, else that of the datagram. */
export const observation: Member = {
  needs: ['domain', 'extra'],
  ifStored: ['extra'],
  bind: (chunk) => {
    const domains = chunk.narrow('domain');
    const extras = new ExtraReader(chunk);
    return (out, row, member) => {
      const own = extras.member(row, 'observationDomainId');
      const point = extras.member(row, 'observationPointId');
      if (own === '' && point === '') return;
      member(out, 'observationDomainID');
      out.ascii(own || String(domains[row]));
      member(out, 'observationPointID');
      out.ascii(point || '0');
    };
  },
};

export const accessLists = ofExtra((read, out, member) => {
  for (const [key, element] of [
    ['ingress_acl', '33000'],
    ['egress_acl', '33001'],
  ] as const) {
    if (read('33000') === '' && read('33001') === '') return;
    member(out, key);
    out.ascii(
      `"${accessList(read(element))
        .map((id) => `0x${id.toString(16)}`)
        .join('/')}"`,
    );
  }
});

export const userName = ofExtra((read, out, member) => {
  const name = read('40000');
  if (name === '') return;
  member(out, 'user_name');
  out.text(JSON.stringify(name));
});

export const natPool: Member = {
  needs: ['extra'],
  bind: (chunk, { stored }) => {
    const extras = stored('extra') ? new ExtraReader(chunk) : undefined;
    return (out, row, member) => {
      member(out, 'nat_pool_id');
      out.ascii(extras?.member(row, 'natPoolId') || '0');
    };
  },
};

const PORT_BLOCK = [
  ['pblock_start', 'portRangeStart'],
  ['pblock_end', 'portRangeEnd'],
  ['pblock_step', 'portRangeStepSize'],
  ['pblock_size', 'portRangeNumPorts'],
] as const;

export const portBlock = ofExtra((read, out, member) => {
  if (PORT_BLOCK.every(([, name]) => read(name) === '')) return;
  for (const [key, name] of PORT_BLOCK) {
    member(out, key);
    out.ascii(read(name) || '0');
  }
});
