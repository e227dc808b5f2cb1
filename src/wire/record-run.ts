import type { BatchTarget } from './batch-target.ts';
import type { SetContext } from './decode-context.ts';
import type { CompiledTemplate } from './template.ts';

/**
 * Records that are decoded at a time: `count` of one template, from `base` on in `view`, `stride` bytes apart, for the
 * rows from `row` on. One object is used again for all runs.
 */
export class RecordRun {
  readonly target: BatchTarget;
  readonly context: SetContext;
  template!: CompiledTemplate;
  view!: DataView;
  base = 0;
  stride = 0;
  row = 0;
  count = 0;

  constructor(target: BatchTarget, context: SetContext) {
    this.target = target;
    this.context = context;
  }

  of(template: CompiledTemplate, view: DataView, base: number, stride: number, row: number, count: number): this {
    this.template = template;
    this.view = view;
    this.base = base;
    this.stride = stride;
    this.row = row;
    this.count = count;
    return this;
  }
}
