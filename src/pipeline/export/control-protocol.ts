/**
 * What goes over the control socket (docs/operations.md): the client sends one line, a `ControlRequest` in JSON, and gets
 * one line, a `ControlReply`, perhaps followed by text; then the server closes the connection.
 */
export interface ControlRequest {
  readonly command: string;
  readonly arguments?: readonly string[];
}

/** `lines` are for people, `data` has the same for programs; `text` announces that output follows until the end. */
export type ControlReply =
  | { readonly ok: true; readonly lines: readonly string[]; readonly data: unknown; readonly text?: true }
  | { readonly ok: false; readonly error: string };

/** Longest request, and most arguments of one. */
export const MAX_REQUEST_OCTETS = 4096;
const MAX_ARGUMENTS = 64;

/** Reads a request line; undefined when it is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { command, arguments: list = [] } = value as { command?: unknown; arguments?: unknown };
  if (typeof command !== 'string' || !Array.isArray(list) || list.length > MAX_ARGUMENTS) return undefined;
  return list.every((one) => typeof one === 'string') ? { command, arguments: list } : undefined;
}
