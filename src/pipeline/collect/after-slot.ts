import type { EndedSlot } from '../../store/slot-sealer.ts';
import type { Log } from '../daemon/log.ts';
import { SlotCommand } from './slot-command.ts';
import { SlotExpiry } from './slot-expiry.ts';
import type { SourcePlan } from './source-plan.ts';

export interface AfterSlotOptions {
  readonly plan: SourcePlan;
  /** Run after each slot. */
  readonly command?: string;
  /** Delete old files after each slot. */
  readonly expires: boolean;
}

/** What is done after each slot: the operator's command and the deletion of old files. Both may change on the way. */
export class AfterSlot {
  private readonly log: Log;
  private readonly warn: Log;
  private command: SlotCommand | undefined;
  private expiry: SlotExpiry | undefined;
  private readonly former: { close(): Promise<void> }[] = [];

  constructor(options: AfterSlotOptions, log: Log, warn: Log) {
    this.log = log;
    this.warn = warn;
    this.setCommand(options.command);
    this.setExpiry(options.plan, options.expires);
  }

  run(slot: EndedSlot): void {
    this.command?.run(slot);
    this.expiry?.run(slot);
  }

  /** From the next slot on; commands that are in line still run. */
  setCommand(command: string | undefined): void {
    this.retire(this.command);
    this.command = command === undefined ? undefined : new SlotCommand(command, this.warn);
  }

  setExpiry(plan: SourcePlan, expires: boolean): void {
    this.retire(this.expiry);
    this.expiry = expires ? new SlotExpiry(plan, this.log, this.warn) : undefined;
  }

  /** Resolves when all that was begun has ended, or has been waited for long enough. */
  async close(): Promise<void> {
    await Promise.all([...this.former, this.command, this.expiry].map((one) => one?.close()));
  }

  private retire(one: { close(): Promise<void> } | undefined): void {
    if (one !== undefined) this.former.push(one);
  }
}
