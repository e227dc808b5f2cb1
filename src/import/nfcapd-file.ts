import { type FileHandle, open } from 'node:fs/promises';
import { addon, type PackedWith } from '../addon/addon.ts';
import { YEAR_10000_MS } from '../flow/time.ts';
import { TWO_32 } from '../flow/u64.ts';
import { FlowFileError } from './flow-file-error.ts';

/** First two bytes of every file, as a little-endian number. */
const MAGIC = 0xa50c;
const V1_HEADER_BYTES = 140;
/** In layout 1 counters follow the header, and the blocks follow them. */
const V1_STATISTICS_BYTES = 136;
const V2_HEADER_BYTES = 40;
const BLOCK_HEADER_BYTES = 12;
/** What nfcapd's own buffers hold: no block of its making is longer, packed or not. */
const MOST_BLOCK_BYTES = 5 * 1_048_576;
/** Blocks that are read and unpacked ahead of the one that is decoded. */
const BLOCKS_AHEAD = 3;
/** In the appendix of layout 2. */
const IDENT_RECORD = 0x8001;
const MOST_APPENDIX_BLOCKS = 16;

const METHODS_V2: readonly (PackedWith | undefined)[] = [undefined, 'lzo', 'bz2', 'lz4', 'zstd'];

interface Header {
  readonly layout: 1 | 2;
  readonly method: PackedWith | undefined;
  readonly blocks: number;
  readonly firstBlock: number;
  /** When the file was begun, milliseconds since 1970; 0 where the layout does not say. */
  readonly createdMs: number;
  readonly ident: string;
  readonly appendix: { readonly offset: number; readonly blocks: number };
}

/** Records that stand one after another: each has its type, its length in octets and then its content. */
export interface RecordBlock {
  readonly type: number;
  readonly records: number;
  readonly view: DataView;
}

/** Says whether a file begins as nfcapd's do; false for one that is not there. */
export async function isNfcapdFile(path: string): Promise<boolean> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16LE() === MAGIC;
  } catch {
    return false;
  } finally {
    await handle?.close();
  }
}

/**
 * A file of nfcapd: layout 1 (nfdump 1.6) or 2 (nfdump 1.7), blocks of records, each packed by itself. Little-endian
 * ones, as they are written on every machine in use.
 */
export class NfcapdFile {
  readonly layout: 1 | 2;
  /** Name of the source, '' when the file has none. */
  readonly ident: string;
  readonly createdMs: number;
  private readonly handle: FileHandle;
  private readonly header: Header;
  private readonly bytes: number;

  private constructor(handle: FileHandle, header: Header, bytes: number, ident: string) {
    this.handle = handle;
    this.header = header;
    this.bytes = bytes;
    this.layout = header.layout;
    this.createdMs = header.createdMs;
    this.ident = ident;
  }

  /** @throws FlowFileError when it is not such a file, or a part of one. */
  static async open(path: string): Promise<NfcapdFile> {
    const handle = await open(path, 'r').catch((cause: Error) => {
      throw new FlowFileError(cause.message, { cause });
    });
    try {
      const { size } = await handle.stat();
      const header = await readHeader(handle, size);
      const file = new NfcapdFile(handle, header, size, header.ident);
      if (header.appendix.blocks === 0) return file;
      return new NfcapdFile(handle, header, size, await file.readIdent());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The blocks in their order. Throws a FlowFileError for one that is cut or damaged. */
  async *blocks(): AsyncGenerator<RecordBlock, void, undefined> {
    const ahead: Promise<RecordBlock>[] = [];
    let offset = this.header.firstBlock;
    let left = this.header.blocks;
    while (left > 0 || ahead.length > 0) {
      while (left > 0 && ahead.length <= BLOCKS_AHEAD) {
        const raw = await this.readBlock(offset);
        const block = this.unpack(raw);
        // An error is thrown where the block is waited for, after those before it.
        block.catch(() => undefined);
        ahead.push(block);
        offset += BLOCK_HEADER_BYTES + raw.content.byteLength;
        left--;
      }
      yield await ahead.shift()!;
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async readIdent(): Promise<string> {
    let { offset } = this.header.appendix;
    for (let i = 0; i < Math.min(this.header.appendix.blocks, MOST_APPENDIX_BLOCKS); i++) {
      const raw = await this.readBlock(offset);
      const { view } = await this.unpack(raw);
      for (let at = 0; at + 4 <= view.byteLength; ) {
        const size = view.getUint16(at + 2, true);
        if (size < 4 || at + size > view.byteLength)
          throw new FlowFileError('damaged: a record of the appendix is cut');
        if (view.getUint16(at, true) === IDENT_RECORD) return text(view, at + 4, size - 4);
        at += size;
      }
      offset += BLOCK_HEADER_BYTES + raw.content.byteLength;
    }
    return '';
  }

  private async readBlock(offset: number): Promise<{ head: DataView; content: Uint8Array }> {
    // Whoever wrote the header chose it: the system takes no number beyond 2^53 for a place.
    if (offset + BLOCK_HEADER_BYTES > this.bytes)
      throw new FlowFileError('cut: its header names a place beyond its end');
    const head = await readExactly(this.handle, offset, BLOCK_HEADER_BYTES);
    const size = head.getUint32(4, true);
    if (size === 0 || size > MOST_BLOCK_BYTES) throw new FlowFileError(`damaged: a block of ${size} octets`);
    if (offset + BLOCK_HEADER_BYTES + size > this.bytes) throw new FlowFileError('cut inside a block');
    const { buffer, byteOffset } = await readExactly(this.handle, offset + BLOCK_HEADER_BYTES, size);
    return { head, content: new Uint8Array(buffer, byteOffset, size) };
  }

  private async unpack({ head, content }: { head: DataView; content: Uint8Array }): Promise<RecordBlock> {
    const { method } = this.header;
    let plain = content;
    if (method !== undefined) {
      plain = await addon()
        .unpackBlock(method, content, MOST_BLOCK_BYTES)
        .catch((cause: Error) => {
          throw new FlowFileError(`damaged: ${cause.message}`, { cause });
        });
    }
    const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
    return { records: head.getUint32(0, true), type: head.getUint16(8, true), view };
  }
}

async function readHeader(handle: FileHandle, bytes: number): Promise<Header> {
  if (bytes < V2_HEADER_BYTES) throw new FlowFileError(`not a file of nfcapd: it has ${bytes} octets`);
  const view = await readExactly(handle, 0, Math.min(V1_HEADER_BYTES, bytes));
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) {
    const swapped = view.getUint16(0, false) === MAGIC;
    throw new FlowFileError(swapped ? 'written by a big-endian machine: not read' : 'not a file of nfcapd');
  }
  const version = view.getUint16(2, true);
  if (version === 1) return readHeaderV1(view);
  if (version === 2) return readHeaderV2(view, bytes);
  throw new FlowFileError(`layout ${version} of nfcapd's files is not known`);
}

function readHeaderV1(view: DataView): Header {
  if (view.byteLength < V1_HEADER_BYTES) throw new FlowFileError('cut inside the header');
  const flags = view.getUint32(4, true);
  const method = (flags & 1) !== 0 ? 'lzo' : (flags & 8) !== 0 ? 'bz2' : (flags & 16) !== 0 ? 'lz4' : undefined;
  return {
    layout: 1,
    method,
    blocks: view.getUint32(8, true),
    firstBlock: V1_HEADER_BYTES + V1_STATISTICS_BYTES,
    createdMs: 0,
    ident: text(view, 12, 128),
    appendix: { offset: 0, blocks: 0 },
  };
}

function readHeaderV2(view: DataView, bytes: number): Header {
  const compression = view.getUint8(16);
  if (view.getUint8(17) !== 0) throw new FlowFileError('it is encrypted');
  if (compression >= METHODS_V2.length) throw new FlowFileError(`compression ${compression} is not known`);
  const appendix = { blocks: view.getUint16(18, true), offset: wide(view, 24) };
  const blocks = view.getUint32(36, true);
  if (appendix.blocks === 0 && blocks === 0 && bytes > V2_HEADER_BYTES) {
    throw new FlowFileError('its writer has not closed it: still being written, or left behind by a crash');
  }
  return {
    layout: 2,
    method: METHODS_V2[compression],
    blocks,
    firstBlock: V2_HEADER_BYTES,
    createdMs: inTime(wide(view, 8) * 1000),
    ident: '',
    appendix,
  };
}

/** A 64-bit number; inexact beyond 2^53, where no offset and no time lies. */
function wide(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32;
}

/** A time, 0 for one that cannot be. */
function inTime(ms: number): number {
  return ms < YEAR_10000_MS ? ms : 0;
}

/** Text up to a zero or the end of its room; without control characters, since it is printed. */
function text(view: DataView, at: number, room: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + at, room);
  const end = bytes.indexOf(0);
  const whole = bytes.toString('utf8', 0, end < 0 ? room : end);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return whole.replace(/[\x00-\x1f\x7f]/g, '?');
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await handle.read(bytes, have, length - have, offset + have);
    if (bytesRead === 0) throw new FlowFileError('cut: it ends before its header says');
    have += bytesRead;
  }
  return new DataView(bytes.buffer);
}
