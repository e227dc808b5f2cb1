import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig, readConfigFile } from '../../src/config/config-file.ts';
import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../../src/config/option.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { fuzz } from '../support/fuzz.ts';
import { tempDir } from '../support/process.ts';

const table: OptionTable = {
  n: keyed('collectors', listOption('')),
  active: valueOption('', '300'),
  mtu: valueOption(''),
  promiscuous: flagOption('', true),
  check: { ...flagOption(''), commandLineOnly: true },
  secret: { ...flagOption(''), hidden: true },
  l: valueOption('no long name'),
};

const parse = (text: string) => parseConfig(text, 'weir.yaml', table);

describe('a configuration file', () => {
  it('gives the values of options, by the names that options have', () => {
    const { values, entries } = parse(
      '# edge\nactive: 60\nmtu: "1400"\npromiscuous: false\ncollectors:\n  - a:1\n  - 2\n',
    );
    expect(values).toEqual({ active: '60', mtu: '1400', promiscuous: false, n: ['a:1', '2'] });
    expect(entries.filter(({ name }) => name === 'n').map(({ place }) => place)).toEqual([
      'weir.yaml:6',
      'weir.yaml:7',
    ]);
  });

  it('takes one value where a list may stand, and nothing at all', () => {
    expect(parse('collectors: a:1').values).toEqual({ n: ['a:1'] });
    expect(parse('').values).toEqual({});
    expect(parse('# nothing\n---\n').values).toEqual({});
  });

  it('keeps numbers as they are written where a double would change them', () => {
    expect(parse('active: 12345678901234567890').values).toEqual({ active: '12345678901234567890' });
    expect(parse('active: 1e400').values).toEqual({ active: '1e400' });
    expect(parse('active: -5').values).toEqual({ active: '-5' });
  });

  it.each([
    ['\nactvie: 3', 'weir.yaml:2: there is no setting "actvie": did you mean active?'],
    ['n: x', 'weir.yaml:1: there is no setting "n": did you mean collectors?'],
    ['Collectors: x', 'weir.yaml:1: there is no setting "Collectors": did you mean collectors?'],
    ['zzzzzz: x', 'weir.yaml:1: there is no setting "zzzzzz"'],
    ['secret: true', 'weir.yaml:1: there is no setting "secret"'],
    ['l: x', 'weir.yaml:1: there is no setting "l"'],
    ['__proto__: x', 'weir.yaml:1: there is no setting "__proto__"'],
    ['check: true', 'weir.yaml:1: check belongs on the command line'],
    ['active: 1\nmtu: 1\nactive: 2', 'weir.yaml:3: active is set already (weir.yaml:1): keep one of them'],
    ['promiscuous: "no"', 'weir.yaml:1: promiscuous takes true or false'],
    ['promiscuous:', 'weir.yaml:1: promiscuous takes true or false'],
    ['active:', 'weir.yaml:1: active has no value: set it, or leave the line out'],
    ['active: [1]', 'weir.yaml:1: active takes one value, not a list'],
    ['active: {a: 1}', 'weir.yaml:1: active takes text or a number'],
    ['active: true', 'weir.yaml:1: active takes text or a number; put "true" into quotes if it is text'],
    ['collectors:\n  - a:1\n  - [b]', 'weir.yaml:3: collectors takes text or a number'],
    ['- a', 'weir.yaml:1: a configuration file is a list of "key: value" lines'],
    ['a\nb', 'weir.yaml:1: a configuration file is a list of "key: value" lines'],
    ['active: 1\nmtu: [1', 'weir.yaml:2: not YAML: '],
    ['active: 1\n---\nactive: 2', 'weir.yaml:2: not YAML: '],
    ['active: !secret 1', 'weir.yaml:1: not YAML: '],
    ['mtu: &a 1\nactive: *a', 'weir.yaml:2: active takes text or a number'],
    ['? [a]\n: 1', 'weir.yaml:1: there is no setting ""'],
  ])('refuses %j in one line', (text, message) => {
    expect(() => parse(text)).toThrow(UserError);
    expect(() => parse(text)).toThrow(message);
    try {
      parse(text);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('does not grow with aliases of aliases', () => {
    const bomb = ['a: &a0 [x]'];
    for (let i = 1; i < 40; i++) bomb.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`);
    expect(() => parse(bomb.join('\n'))).toThrow('weir.yaml:1: there is no setting "a"');
    expect(() => parse(`collectors: &a [x]\n${bomb.join('\n')}`)).toThrow('weir.yaml:2: there is no setting "a"');
  });

  it.each(['[', '{', '- ', '? ', 'a: {', '!<', '&a ', '"'])('ends on a quarter of a megabyte of %j', (piece) => {
    expect(() => parse(piece.repeat(262_144 / piece.length))).toThrow(UserError);
  });

  it('takes any text, and either reads it or refuses it', async () => {
    const pieces = [
      'active',
      'collectors',
      ':',
      ' ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '*a',
      '&a',
      '|',
      '>',
      '#',
    ];
    await fuzz((roll) => {
      const text = Array.from({ length: 1 + roll(30) }, () => pieces[roll(pieces.length)]).join('');
      try {
        parse(text);
      } catch (error) {
        expect(error, text).toBeInstanceOf(UserError);
      }
    });
  });

  it('says which file cannot be read, or is no file of settings', () => {
    const path = join(tempDir('config'), 'weir.yaml');
    expect(() => readConfigFile(path, table)).toThrow(`cannot read the configuration ${path} (--config): ENOENT`);
    writeFileSync(path, ' '.repeat(300_000));
    expect(() => readConfigFile(path, table)).toThrow(`${path}: a configuration file has at most 262144 octets`);
  });
});
