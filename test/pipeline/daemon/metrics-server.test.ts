import { expect, it } from 'vitest';
import { MetricsServer } from '../../../src/pipeline/daemon/metrics-server.ts';
import { freeTcpPort } from '../../support/tcp.ts';

it('goes on after a connection that the system could not hand over', async () => {
  const port = await freeTcpPort();
  const warnings: string[] = [];
  const server = await MetricsServer.listen({ host: '127.0.0.1', port }, (line) => warnings.push(line));
  try {
    server['server'].emit('error', new Error('accept EPROTO'));
    expect(warnings).toEqual([`metrics on 127.0.0.1:${port}: accept EPROTO`]);
    const answer = await fetch(`http://127.0.0.1:${port}/livez`);
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
  } finally {
    server.close();
  }
});

it('has what the process takes behind the counters of its subject', async () => {
  const port = await freeTcpPort();
  const server = await MetricsServer.listen({ host: '127.0.0.1', port }, () => {});
  try {
    server.serve({ metrics: () => 'weir_one 1\n', troubles: () => [] });
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text.startsWith('weir_one 1\n# HELP ')).toBe(true);
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'weir_event_loop_delay_max_seconds',
    ])
      expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
  } finally {
    server.close();
  }
});
