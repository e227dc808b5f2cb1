import { describe, expect, it } from 'vitest';
import { parseV4Route, parseV6Route, readHostRoutes } from '../../src/enrich/host-routes.ts';
import { LOOK_UP_DESTINATION, LOOK_UP_SOURCE, type LookUps, RouteColumns } from '../../src/enrich/route-columns.ts';
import { type RouteTable, RouteTableBuilder } from '../../src/enrich/route-table.ts';
import { formatAddress, parseAddress } from '../../src/flow/address.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import type { FieldName } from '../../src/flow/fields.ts';
import { putAddress } from './addresses.ts';

const INDICES: Record<string, number> = { eth0: 2, eth1: 3, tun0: 9 };
const indexOf = (device: string) => INDICES[device] ?? 0;

const V4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\tFE0200C0\t0003\t0\t0\t50\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0
*\t0000640A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t0101640A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
eth1\t0000A8C0\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
const V6 = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
20010db8000000010000000000000000 30 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
20010db8000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth1
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
20010db8000000020000000000000000 40 20010db8000000030000000000000000 40 00000000000000000000000000000000 00000100 00000001 00000000 00000001     tun0
`;

function table(): RouteTable {
  const builder = new RouteTableBuilder();
  builder.exclude(parseAddress('224.0.0.0')!, 100);
  for (const line of V4.split('\n')) {
    const route = parseV4Route(line, indexOf);
    if (route !== undefined) builder.add(route);
  }
  for (const line of V6.split('\n')) {
    const route = parseV6Route(line, indexOf);
    if (route !== undefined) builder.add(route);
  }
  return builder.build();
}

function told(routes: RouteTable, address: string) {
  const route = routes.find(...parseAddress(address)!);
  if (route < 0) return 'none';
  const [w0, w1, w2, w3] = [0, 1, 2, 3].map((word) => routes.gateway(route, word));
  const gateway = (w0! | w1! | w2! | w3!) === 0 ? 'on link' : formatAddress(w0!, w1!, w2!, w3!);
  return `/${routes.mask(route)} ${gateway} ${routes.outIf(route)}`;
}

describe('routes of /proc/net', () => {
  it.each([
    ['192.0.2.77', '/24 on link 2'],
    ['172.16.0.1', '/12 on link 9'],
    ['172.31.255.255', '/12 on link 9'],
    // Two default routes: the one with the lower metric.
    ['8.8.8.8', '/0 192.0.2.254 3'],
    // Rejected; within it a host route.
    ['10.100.2.1', '/16 on link 0'],
    ['10.100.1.1', '/32 on link 3'],
    // Not up.
    ['192.168.0.1', '/0 192.0.2.254 3'],
    ['239.1.2.3', 'none'],
    ['2001:db8::1', '/64 on link 2'],
    ['2001:db8:0:1::5', '/48 fe80::1 3'],
    // Addresses of this host come from elsewhere; source routes, unreachable, link-local and groups are no way.
    ['2001:db8::5', '/64 on link 2'],
    ['2001:db8:0:2::1', '/48 fe80::1 3'],
    ['2001:db9::1', 'none'],
    ['fe80::1', 'none'],
    ['ff02::1', 'none'],
  ])('%s: %s', (address, expected) => {
    expect(told(table(), address)).toBe(expected);
  });

  it('are read from this host, whose own addresses are not sent anywhere', async () => {
    const routes = await readHostRoutes(() => 7);
    expect(told(routes, '127.0.0.1')).toBe('/8 on link 0');
    expect(told(routes, '224.0.0.1')).toBe('none');
    expect(told(routes, '255.255.255.255')).toBe('none');
  });
});

describe('columns of a batch', () => {
  const ALL = new Set<FieldName>(['srcMask', 'dstMask', 'nextHop', 'outIf']);
  const flows: [src: string, dst: string, inIf: number, outIf: number][] = [
    ['192.0.2.1', '8.8.8.8', 2, 0],
    ['172.16.0.1', '192.0.2.9', 0, 5],
    ['2001:db8::7', '2001:db8:0:1::1', 2, 0],
    ['2001:db9::7', 'ff02::1', 3, 0],
  ];

  function filled(options: ConstructorParameters<typeof RouteColumns>[1], lookUps: LookUps = {}) {
    const batch = new FlowBatch(10);
    flows.forEach(([src, dst, inIf, outIf], row) => {
      putAddress(batch, 'srcAddr', row, src);
      putAddress(batch, 'dstAddr', row, dst);
      batch.use('inIf')[row] = inIf;
      batch.use('outIf')[row] = outIf;
      batch.rows++;
    });
    const columns = new RouteColumns(table(), options);
    columns.lookUps = lookUps;
    columns.fill(batch);
    return flows.map((_, row) => {
      const hi = batch.get('nextHopHi');
      const lo = batch.get('nextHopLo');
      const hop =
        hi === undefined || lo === undefined
          ? undefined
          : formatAddress(hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!);
      return [batch.get('srcMask')?.[row], batch.get('dstMask')?.[row], hop, batch.get('outIf')![row]];
    });
  }

  it('are filled in; an output interface that was seen stays', () => {
    expect(filled({ fields: ALL })).toEqual([
      [24, 0, '192.0.2.254', 3],
      [12, 24, '::', 5],
      [64, 48, 'fe80::1', 3],
      [0, 0, '::', 0],
    ]);
  });

  it('that nobody wants are not made', () => {
    expect(filled({ fields: new Set(['outIf'] as const) })).toEqual([
      [undefined, undefined, undefined, 3],
      [undefined, undefined, undefined, 5],
      [undefined, undefined, undefined, 3],
      [undefined, undefined, undefined, 0],
    ]);
  });

  it('are left alone for interfaces without look-ups', () => {
    const byIndex = new Map([
      [2, LOOK_UP_SOURCE],
      [5, LOOK_UP_DESTINATION],
    ]);
    expect(filled({ fields: ALL }, { byIndex })).toEqual([
      [24, 0, '::', 0],
      [0, 24, '::', 5],
      [64, 0, '::', 0],
      [0, 0, '::', 0],
    ]);
    expect(filled({ fields: ALL }, { ofAll: 0 }).map(([, , , outIf]) => outIf)).toEqual([0, 5, 0, 0]);
  });
});
