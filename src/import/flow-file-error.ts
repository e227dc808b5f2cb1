import { UserError } from '../flow/user-error.ts';

/** A flow file that cannot be read, or not to its end; the message says what is wrong with it, not which file. */
export class FlowFileError extends UserError {}
