export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** Counters and gauges in the text format of Prometheus, version 0.0.4. */
export class MetricsText {
  private readonly out: string[] = [];

  /** Samples of the same labels are summed up; without samples nothing is written. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, 'counter', help, samples);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, 'gauge', help, samples);
  }

  toString(): string {
    return `${this.out.join('\n')}\n`;
  }

  private family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of merge(samples)) this.out.push(`${name}${labels} ${value}`);
  }
}

/** Samples by the text of their labels. */
function merge(samples: readonly Sample[]): Map<string, number> {
  const merged = new Map<string, number>();
  for (const [labels, value] of samples) {
    const key = labelText(labels);
    merged.set(key, (merged.get(key) ?? 0) + value);
  }
  return merged;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escapeCharacter)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeCharacter(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
