import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { captureFiles } from '../../../src/pipeline/export/capture-files.ts';
import { tempDir } from '../../support/process.ts';

it('takes the files of a directory by name, not the hidden ones nor those below', () => {
  const directory = tempDir('capture-files');
  mkdirSync(join(directory, 'below'));
  for (const name of ['b.pcap', 'a10.pcap.gz', 'a9.pcap', 'Z.pcap', '.hidden.pcap', 'below/x.pcap']) {
    writeFileSync(join(directory, name), '');
  }
  const names = ['Z.pcap', 'a10.pcap.gz', 'a9.pcap', 'b.pcap'].map((name) => join(directory, name));
  expect(captureFiles([directory])).toEqual(names);
  expect(captureFiles(['-', directory, 'gone.pcap'])).toEqual(['-', ...names, 'gone.pcap']);
});

it('refuses a directory without files and standard input twice', () => {
  expect(() => captureFiles([tempDir('no-files')])).toThrow(/no-files-.*there is no file/);
  expect(() => captureFiles(['-', 'x', '-'])).toThrow(/standard input can be read once/);
});
