import { wholeNumber } from '../config/option-values.ts';
import { parseSize } from '../flow/size.ts';
import { UserError } from '../flow/user-error.ts';
import { type ExpireOptions, runExpire } from '../pipeline/archive/expire.ts';
import { DEFAULT_WATERMARK_PERCENT, parseLife } from '../store/expiry-limits.ts';
import { commandParser, last } from './parse.ts';

/** `weir expire`: see `runExpire` for what it does. */
export async function expireCommand(argv: string[]): Promise<number> {
  const options = await parseExpireArguments(argv);
  return options === undefined ? 0 : runExpire(options, (line) => process.stdout.write(`${line}\n`));
}

/** Options of a command line; undefined when it only asked for help or the version. */
async function parseExpireArguments(argv: string[]): Promise<ExpireOptions | undefined> {
  const value = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  const args = await commandParser(argv, 'expire')
    .usage(
      'weir expire DIR [-s SIZE] [-t LIFE] [-w PERCENT] [--dry-run]\nweir expire -u DIR [-s SIZE] [-t LIFE] [-w PERCENT]',
    )
    .option('e', value('delete what passes the limits in this directory; the same as DIR'))
    .option('u', value('keep the limits for this directory, for later and for weir collect -e'))
    .option('l', value('show the files and limits of this directory'))
    .option('s', value('size that flow files may take, such as 500M or 1.5T; 0 is no limit'))
    .option('t', value('age that flow files may have, such as 2w or 1d12H, a plain number is hours; 0 is no limit'))
    .option('w', value(`per cent of a limit to go down to once it is passed [default: ${DEFAULT_WATERMARK_PERCENT}]`))
    .option('dry-run', { type: 'boolean', default: false, describe: 'delete nothing, print what would be deleted' })
    .parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const [store, list, expire] = [last(args['u']), last(args['l']), last(args['e'])];
  const given = [store, list, expire, ...args._.map(String)].filter((directory) => directory !== undefined);
  const [directory, another] = given;
  if (directory === undefined) throw new UserError('which directory? give weir expire DIR; see weir expire --help');
  if (another !== undefined) throw new UserError(`one directory at a time, not ${directory} and ${another}`);
  const [size, life, watermark] = [last(args['s']), last(args['t']), last(args['w'])];
  return {
    directory,
    action: store !== undefined ? 'store' : list !== undefined ? 'list' : 'expire',
    limits: {
      ...(size === undefined ? {} : { sizeBytes: parseSize(size) }),
      ...(life === undefined ? {} : { lifeMs: parseLife(life) }),
      // As in nfexpire 0 is all of the limit.
      ...(watermark === undefined ? {} : { watermarkPercent: wholeNumber('-w', watermark, 0, 100) || 100 }),
    },
    dryRun: last(args['dry-run']) ?? false,
  };
}
