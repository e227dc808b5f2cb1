import duckdb from '@duckdb/node-bindings';
import type { Cells, Chunk } from './chunk.ts';
import { SpillDirectory } from './spill.ts';

const NARROW = new Map<number, new (buffer: ArrayBufferLike, offset: number, length: number) => Cells>([
  [duckdb.Type.UTINYINT, Uint8Array],
  [duckdb.Type.USMALLINT, Uint16Array],
  [duckdb.Type.UINTEGER, Uint32Array],
]);
const WIDE = new Set<number>([duckdb.Type.UBIGINT, duckdb.Type.BIGINT]);
const STRING_BYTES = 16;
const INLINED_BYTES = 12;

/** Some rows of a result, as typed arrays over the engine's own memory: valid as long as the chunk is. */
class ResultChunk implements Chunk {
  readonly rows: number;
  private readonly chunk: duckdb.DataChunk;
  private readonly layout: ReadonlyMap<string, { index: number; type: number }>;
  private readonly stringsByName = new Map<string, { bytes: Uint8Array; view: DataView }>();

  constructor(chunk: duckdb.DataChunk, layout: ReadonlyMap<string, { index: number; type: number }>) {
    this.chunk = chunk;
    this.layout = layout;
    this.rows = duckdb.data_chunk_get_size(chunk);
  }

  narrow(name: string): Cells {
    const { index, type } = this.column(name);
    const View = NARROW.get(type);
    if (View === undefined) throw new Error(`column ${name} is not of 8, 16 or 32 bits`);
    const octets = this.rows * (type === duckdb.Type.UTINYINT ? 1 : type === duckdb.Type.USMALLINT ? 2 : 4);
    const bytes = this.bytes(index, octets);
    return new View(bytes.buffer, bytes.byteOffset, this.rows);
  }

  words(name: string): Uint32Array {
    const { index, type } = this.column(name);
    if (!WIDE.has(type)) throw new Error(`column ${name} is not of 64 bits`);
    const bytes = this.bytes(index, this.rows * 8);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, this.rows * 2);
  }

  text(name: string, row: number): Uint8Array {
    // A string of the engine: 4 octets of length, then up to 12 of text, or 4 of text and where all of it stands.
    const strings = this.strings(name);
    const length = strings.view.getUint32(row * STRING_BYTES, true);
    const at = strings.bytes.byteOffset + row * STRING_BYTES;
    if (length <= INLINED_BYTES) return new Uint8Array(strings.bytes.buffer, at + 4, length);
    return duckdb.get_data_from_pointer(strings.bytes.buffer as ArrayBuffer, at + 8, length);
  }

  private strings(name: string): { bytes: Uint8Array; view: DataView } {
    let strings = this.stringsByName.get(name);
    if (strings === undefined) {
      const { index, type } = this.column(name);
      if (type !== duckdb.Type.VARCHAR) throw new Error(`column ${name} has no texts`);
      const bytes = this.bytes(index, this.rows * STRING_BYTES);
      strings = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
      this.stringsByName.set(name, strings);
    }
    return strings;
  }

  private column(name: string): { index: number; type: number } {
    const column = this.layout.get(name);
    if (column === undefined) throw new Error(`no column ${name} in the result`);
    return column;
  }

  private bytes(index: number, octets: number): Uint8Array {
    return duckdb.vector_get_data(duckdb.data_chunk_get_vector(this.chunk, index), octets);
  }
}

/**
 * An in-memory DuckDB, used through its bindings: results are read as typed arrays without a value object a cell, which
 * the friendlier package above them does not offer.
 */
export class Database {
  private readonly database: duckdb.Database;
  private readonly connection: duckdb.Connection;
  private readonly spill: SpillDirectory;
  private begun = 0;

  private constructor(database: duckdb.Database, connection: duckdb.Connection, spill: SpillDirectory) {
    this.database = database;
    this.connection = connection;
    this.spill = spill;
  }

  /** `memoryOctets`: beyond, the disk is used. */
  static async open(memoryOctets?: number): Promise<Database> {
    const config = duckdb.create_config();
    const spill = new SpillDirectory();
    // Results larger than memory go to the system's place for temporary files, not to the working directory.
    duckdb.set_config(config, 'temp_directory', spill.path);
    // Everything needed is built in; a query must not reach out to the network for more.
    duckdb.set_config(config, 'autoinstall_known_extensions', 'false');
    if (memoryOctets !== undefined) duckdb.set_config(config, 'memory_limit', `${memoryOctets}B`);
    const database = await duckdb.open(':memory:', config);
    const opened = new Database(database, await duckdb.connect(database), spill);
    await opened.run('SET enable_progress_bar = true');
    await opened.run('SET enable_progress_bar_print = false');
    opened.begun = 0;
    return opened;
  }

  async run(sql: string): Promise<void> {
    this.begun++;
    await duckdb.query(this.connection, sql);
  }

  /** Names of the columns that a query would give. */
  async columnNames(sql: string): Promise<string[]> {
    const statement = await duckdb.prepare(this.connection, sql);
    try {
      const count = duckdb.prepared_statement_column_count(statement);
      return Array.from({ length: count }, (_, index) => duckdb.prepared_statement_column_name(statement, index));
    } finally {
      duckdb.destroy_prepare_sync(statement);
    }
  }

  /** The rows of a query as they become ready; the next chunk is made while the caller works on this one. */
  async *chunks(sql: string): AsyncGenerator<Chunk, void, undefined> {
    this.begun++;
    const statement = await duckdb.prepare(this.connection, sql);
    try {
      const result = await duckdb.execute_prepared_streaming(statement);
      const layout = new Map<string, { index: number; type: number }>();
      for (let index = 0; index < duckdb.column_count(result); index++) {
        layout.set(duckdb.column_name(result, index), { index, type: duckdb.column_type(result, index) });
      }
      let next = duckdb.fetch_chunk(result);
      for (;;) {
        const chunk = await next;
        if (chunk === null || duckdb.data_chunk_get_size(chunk) === 0) return;
        next = duckdb.fetch_chunk(result);
        // A rejection of the chunk ahead is met by the await above; until then it must not count as unhandled.
        next.catch(() => undefined);
        yield new ResultChunk(chunk, layout);
      }
    } finally {
      duckdb.destroy_prepare_sync(statement);
    }
  }

  /** The only row of a query whose columns all are 64-bit numbers. */
  async numbers<N extends string>(sql: string, names: readonly N[]): Promise<Record<N, number>> {
    for await (const chunk of this.chunks(sql)) {
      const entries = names.map((name) => {
        const [low, high] = chunk.words(name);
        return [name, low! + high! * 0x1_0000_0000];
      });
      return Object.fromEntries(entries) as Record<N, number>;
    }
    throw new Error('a query for one row gave none');
  }

  /** How many statements are done, with what part of the one at hand. */
  progress(): number {
    const share = Math.min(100, Math.max(0, duckdb.query_progress(this.connection).percentage)) / 100;
    return Math.max(0, this.begun - 1) + share;
  }

  close(): void {
    duckdb.disconnect_sync(this.connection);
    duckdb.close_sync(this.database);
    this.spill.remove();
  }
}
