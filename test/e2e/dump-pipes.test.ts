import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeDatagrams } from '../query/parity/datagrams.ts';
import { collectIntoFile } from '../query/parity/store.ts';
import { describeWith, ROOT, run, tempDir } from '../support/process.ts';

describeWith(['weir'], 'weir dump in a pipe', () => {
  it('writes a flow file to standard output and reads one from standard input', async () => {
    const file = join(tempDir('dump-pipes'), 'flows.parquet');
    await collectIntoFile(makeDatagrams(), file);
    const weir = `"${process.execPath}" "${join(ROOT, 'dist/cli/main.js')}" dump`;
    const shell = (line: string) => run('sh', ['-c', line]);
    const whole = await shell(`${weir} -r "${file}" -q -s proto 'proto tcp or proto udp'`);
    const piped = await shell(`${weir} -r "${file}" -w - 'proto tcp or proto udp' | ${weir} -q -s proto`);
    expect(whole.stdout.split('\n')).toHaveLength(3);
    expect(piped).toEqual(whole);
    const nothing = await shell(`${weir} -s proto < /dev/null`);
    expect([nothing.status, nothing.stdout]).toEqual([1, '']);
    expect(nothing.stderr).toContain('standard input is no flow file');
  });
});
