/** Directories of -M that are not there while others are: each is told once, and left out. */
export class MissingSources {
  private readonly log: (message: string) => void;
  private readonly directories = new Set<string>();

  constructor(log: (message: string) => void) {
    this.log = log;
  }

  /** Exit status of an answer that is right but for them. */
  get status(): number {
    return this.directories.size === 0 ? 0 : 1;
  }

  /** As `FileSelection.missing`. */
  readonly tell = (directory: string): void => {
    if (this.directories.has(directory)) return;
    this.directories.add(directory);
    this.log(`no such directory: ${directory} (-M); it is left out`);
  };
}
