import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  capturedDatagrams,
  jsonDifferences,
  type NfdumpInstallation,
  nfdumpInstallations,
  parseJsonFlows,
  writeArchive,
} from '../support/nfcapd-archive.ts';
import { describeWith, runOk, tempDir, weirOk } from '../support/process.ts';

const installations = await nfdumpInstallations();

describeWith(['weir', 'nfcapd', 'nfdump', 'shared captures'], 'weir import of files that nfcapd wrote', () => {
  const directory = tempDir('import');
  const cases = installations.flatMap((installation) =>
    Object.keys(installation.compressions).map((packed) => ({ ...installation, packed, installation })),
  );

  it.each(cases)(
    '$version, $packed: each flow is as nfdump prints it',
    async ({ installation, packed, version }) => {
      const here = join(directory, `${version}-${packed}`);
      mkdirSync(here);
      const files = await writeArchive(installation, capturedDatagrams(), here, installation.compressions[packed]!);
      expect(files.length).toBeGreaterThan(0);
      const store = `${here}-store`;
      await weirOk(['import', '-R', here, '-w', store, '-t', '86400']);
      const flows = await bothOf(installation, here, store);
      expect(flows.theirs.length).toBeGreaterThan(500);
      expect(flows.ours.length).toBe(flows.theirs.length);
      const keys = new Set(flows.theirs.flatMap((flow) => Object.keys(flow)));
      for (const key of ['src6_addr', 'src4_xlt_ip', 'mpls_1', 'in_src_mac', 'src_as']) expect(keys).toContain(key);
      const differences = flows.theirs.flatMap((flow, i) =>
        jsonDifferences(flow, flows.ours[i]!).map((difference) => `flow ${i}: ${difference}`),
      );
      expect(differences).toEqual([]);
    },
    60_000,
  );
});

async function bothOf({ tool }: NfdumpInstallation, archive: string, store: string) {
  return {
    theirs: parseJsonFlows(await runOk(tool('nfdump'), ['-R', archive, '-o', 'json'])),
    ours: parseJsonFlows(await weirOk(['dump', '-R', store, '-o', 'json'])),
  };
}
