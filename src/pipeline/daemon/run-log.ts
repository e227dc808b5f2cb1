import type { Log } from './log.ts';
import type { LogOutput } from './log-output.ts';
import { ProgressLine } from './progress.ts';

/** The log of a run that may show its progress on the same terminal: the line of progress gives way to each other line. */
export class RunLog {
  private readonly output: LogOutput;
  private progress: ProgressLine | undefined;

  constructor(output: LogOutput) {
    this.output = output;
  }

  readonly info: Log = (line) => {
    this.progress?.clear();
    this.output.info(line);
  };

  readonly warn: Log = (line) => {
    this.progress?.clear();
    this.output.warn(line);
  };

  /** Shows `progress` from now on. */
  show(...[output, progress]: ConstructorParameters<typeof ProgressLine>): void {
    this.progress = new ProgressLine(output, progress);
  }

  hideProgress(): void {
    this.progress?.stop();
  }
}
