import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  capturedDatagrams,
  type JsonFlow,
  jsonDifferences,
  nfdumpInstallations,
  parseJsonFlows,
  writeArchive,
} from '../support/nfcapd-archive.ts';
import { describeWith, runOk, tempDir, weirOk } from '../support/process.ts';

const installations = await nfdumpInstallations();
const KEY = 'abcdefghijklmnopqrstuvwxyz012345';
/** The two ways to write it; nfanon 1.7.1 refuses the second. */
const FORMS = { characters: KEY, digits: `0x${Buffer.from(KEY).toString('hex')}` };

describeWith(['weir', 'nfcapd', 'nfdump', 'nfanon', 'shared captures'], 'weir anonymize', () => {
  const directory = tempDir('anonymize');
  const cases = installations.flatMap((installation) =>
    Object.entries(FORMS).map(([form, key]) => ({ version: installation.version, installation, form, key })),
  );

  it.each(cases)(
    'gives what nfanon $version gives, key as $form',
    async ({ installation, key, form, version }) => {
      // Builds of the development version name the commit that they are made of.
      const mapping = version.startsWith('1.7.8-') ? 'later' : '1.7.8';
      const here = join(directory, `${version}-${form}`);
      mkdirSync(here);
      const archive = join(here, 'archive');
      mkdirSync(archive);
      const [file] = await writeArchive(installation, capturedDatagrams(), archive, []);
      const [store, anonymous] = [join(here, 'store'), join(here, 'anonymous')];
      await weirOk(['import', '-R', archive, '-w', store, '-t', '86400']);
      await weirOk(['anonymize', '-R', store, '-w', anonymous, '-K', key, '--nfanon', mapping]);
      const theirFile = join(here, 'nfcapd.anonymous');
      await runOk(installation.tool('nfanon'), ['-K', KEY, '-r', file!, '-w', theirFile]);
      const nfdump = async (path: string) =>
        parseJsonFlows(await runOk(installation.tool('nfdump'), ['-r', path, '-o', 'json']));
      const before = await nfdump(file!);
      const theirs = await nfdump(theirFile);
      const ours = parseJsonFlows(await weirOk(['dump', '-R', anonymous, '-o', 'json']));
      expect(theirs.length).toBeGreaterThan(500);
      expect(ours.length).toBe(theirs.length);
      const compared = before.flatMap((flow, row) =>
        isComparable(flow) && 'src6_addr' in flow === 'src6_addr' in theirs[row]! ? [row] : [],
      );
      expect(compared.filter((row) => 'src6_addr' in before[row]!).length).toBeGreaterThan(30);
      expect(compared.length).toBeGreaterThan(theirs.length * 0.8);
      const differences = compared.flatMap((row) => {
        const [their, our] = [theirs[row]!, ours[row]!];
        if (version.includes('1.7.1') && 'dst6_addr' in their) {
          // That version makes the IPv6 destination of the source.
          delete their['dst6_addr'];
          delete our['dst6_addr'];
        }
        return jsonDifferences(their, our).map((difference) => `flow ${row}: ${difference}`);
      });
      expect(differences).toEqual([]);
      const changed = compared.filter((row) => before[row]!['src4_addr'] !== ours[row]!['src4_addr']);
      expect(changed.length).toBeGreaterThan(300);
    },
    60_000,
  );
});

/** nfdump keeps an address of either family beside the other, and IPv4 in IPv6, where weir has one address. */
function isComparable(flow: JsonFlow): boolean {
  const values = Object.entries(flow).filter(([key]) => /6_(addr|next_hop|router|xlt_ip)$/.test(key));
  return !isMixed(flow) && !values.some(([, value]) => /^(::$|::ffff:)/.test(String(value)));
}

function isMixed(flow: JsonFlow): boolean {
  return ['src', 'dst'].some((end) => `${end}4_addr` in flow && `${end}6_addr` in flow);
}
