/** Reads exported messages back, plainly and strictly: whatever is not by the book throws. */

export interface WalkedRecord {
  readonly templateId: number;
  /** Element (options scopes: `scope<type>`, of an enterprise `<enterprise>.<element>`) and value. */
  readonly values: ReadonlyMap<string, bigint>;
}

export interface WalkedMessage {
  readonly version: number;
  readonly length: number;
  readonly count: number;
  readonly uptimeMs: number;
  readonly exportMs: number;
  readonly sequence: number;
  readonly domain: number;
  readonly templateIds: readonly number[];
  readonly optionsTemplateIds: readonly number[];
  /** Templates withdrawn (RFC 7011 section 8.1). */
  readonly withdrawnIds: readonly number[];
  readonly options: readonly WalkedRecord[];
  readonly flows: readonly WalkedRecord[];
}

interface Template {
  readonly fields: readonly { name: string; length: number }[];
  readonly bytes: number;
  readonly isOptions: boolean;
}

const V5_FIELDS = [
  ['8', 4],
  ['12', 4],
  ['15', 4],
  ['10', 2],
  ['14', 2],
  ['2', 4],
  ['1', 4],
  ['22', 4],
  ['21', 4],
  ['7', 2],
  ['11', 2],
  ['pad1', 1],
  ['6', 1],
  ['4', 1],
  ['5', 1],
  ['16', 2],
  ['17', 2],
  ['9', 1],
  ['13', 1],
  ['pad2', 2],
] as const;

/** IPFIX messages one after another, as a connection has them. */
export function messagesOf(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < stream.length; at += messages.at(-1)!.length) {
    messages.push(stream.subarray(at, at + stream.readUInt16BE(at + 2)));
  }
  return messages;
}

/** Flows of a connection's messages. */
export function flowsOf(stream: Buffer): number {
  const walker = new Walker();
  return messagesOf(stream).reduce((flows, message) => flows + walker.walk(message).flows.length, 0);
}

/** Walks the messages of one exporter; templates are learned on the way and must come before their data. */
export class Walker {
  private readonly templates = new Map<number, Template>();

  walk(message: Buffer): WalkedMessage {
    switch (message.readUInt16BE(0)) {
      case 5:
        return walkV5(message);
      case 9:
        return this.walkV9(message);
      case 10:
        return this.walkIpfix(message);
      default:
        throw new Error('no version known');
    }
  }

  private walkV9(message: Buffer): WalkedMessage {
    const sets = this.walkSets(message, 20, 0);
    return {
      version: 9,
      length: message.length,
      count: message.readUInt16BE(2),
      uptimeMs: message.readUInt32BE(4),
      exportMs: message.readUInt32BE(8) * 1000,
      sequence: message.readUInt32BE(12),
      domain: message.readUInt32BE(16),
      ...sets,
    };
  }

  private walkIpfix(message: Buffer): WalkedMessage {
    if (message.readUInt16BE(2) !== message.length) throw new Error('message length is wrong');
    const sets = this.walkSets(message, 16, 2);
    return {
      version: 10,
      length: message.length,
      count: 0,
      uptimeMs: 0,
      exportMs: message.readUInt32BE(4) * 1000,
      sequence: message.readUInt32BE(8),
      domain: message.readUInt32BE(12),
      ...sets,
    };
  }

  private walkSets(message: Buffer, start: number, templateSet: number) {
    const templateIds: number[] = [];
    const optionsTemplateIds: number[] = [];
    const withdrawnIds: number[] = [];
    const options: WalkedRecord[] = [];
    const flows: WalkedRecord[] = [];
    let at = start;
    while (at < message.length) {
      const id = message.readUInt16BE(at);
      const length = message.readUInt16BE(at + 2);
      if (length % 4 !== 0 || length <= 4 || at + length > message.length) throw new Error(`set length ${length}`);
      const body = message.subarray(at + 4, at + length);
      if (id === 2 && body.length === 4 && body.readUInt16BE(2) === 0) {
        const withdrawn = body.readUInt16BE(0);
        if (!this.templates.delete(withdrawn)) throw new Error(`${withdrawn} withdrawn, but not known`);
        withdrawnIds.push(withdrawn);
      } else if (id === templateSet) templateIds.push(this.learn(body, false, templateSet === 0));
      else if (id === templateSet + 1) optionsTemplateIds.push(this.learn(body, true, templateSet === 0));
      else {
        const template = this.templates.get(id);
        if (template === undefined) throw new Error(`data of template ${id} before the template`);
        for (const values of walkRecords(body, template)) {
          (template.isOptions ? options : flows).push({ templateId: id, values });
        }
      }
      at += length;
    }
    return { templateIds, optionsTemplateIds, withdrawnIds, options, flows };
  }

  /** One template a set, as weir writes them. */
  private learn(body: Buffer, isOptions: boolean, isV9: boolean): number {
    const id = body.readUInt16BE(0);
    let at = isOptions ? 6 : 4;
    let scopes = 0;
    let count = body.readUInt16BE(2);
    if (isOptions && isV9) {
      scopes = body.readUInt16BE(2) / 4;
      count = scopes + body.readUInt16BE(4) / 4;
    } else if (isOptions) {
      scopes = body.readUInt16BE(4);
    }
    const fields = Array.from({ length: count }, (_, i) => {
      const element = body.readUInt16BE(at);
      const length = body.readUInt16BE(at + 2);
      at += 4;
      // Elements of an enterprise: its number, a dot and its element's (IPFIX).
      const isEnterprise = !isV9 && element >= 0x8000;
      if (isEnterprise) at += 4;
      const number = isEnterprise ? `${body.readUInt32BE(at - 4)}.${element - 0x8000}` : `${element}`;
      return { name: `${i < scopes ? 'scope' : ''}${number}`, length };
    });
    if (body.length - at >= 4) throw new Error('more than padding behind a template');
    const known = this.templates.get(id);
    const bytes = fields.reduce((sum, field) => sum + field.length, 0);
    const template = { fields, bytes, isOptions };
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(template)) throw new Error(`${id} changed`);
    this.templates.set(id, template);
    return id;
  }
}

function walkRecords(body: Buffer, template: Template): Map<string, bigint>[] {
  const count = Math.floor(body.length / template.bytes);
  const pad = body.subarray(count * template.bytes);
  if (pad.length > 3 || pad.some((byte) => byte !== 0)) throw new Error('padding is long or not zero');
  return Array.from({ length: count }, (_, i) => readRecord(body, i * template.bytes, template.fields));
}

function readRecord(body: Buffer, start: number, fields: Template['fields']): Map<string, bigint> {
  const values = new Map<string, bigint>();
  let at = start;
  for (const { name, length } of fields) {
    values.set(name, BigInt(`0x${body.toString('hex', at, at + length)}`));
    at += length;
  }
  return values;
}

function walkV5(message: Buffer): WalkedMessage {
  const count = message.readUInt16BE(2);
  if (message.length !== 24 + 48 * count) throw new Error('v5 length is not 24 + 48 n');
  const fields = V5_FIELDS.map(([name, length]) => ({ name, length }));
  const flows = Array.from({ length: count }, (_, i) => ({
    templateId: 0,
    values: readRecord(message, 24 + i * 48, fields),
  }));
  return {
    version: 5,
    length: message.length,
    count,
    uptimeMs: message.readUInt32BE(4),
    exportMs: message.readUInt32BE(8) * 1000 + message.readUInt32BE(12) / 1e6,
    sequence: message.readUInt32BE(16),
    domain: message.readUInt16BE(20),
    templateIds: [],
    optionsTemplateIds: [],
    withdrawnIds: [],
    options: [],
    flows,
  };
}
