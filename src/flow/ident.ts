/** Key of a flow file's metadata: the name of the source that its flows are of. */
export const IDENT_KEY = 'weir.ident';

/** The name of sources without one. */
export const NO_IDENT = 'none';

/** The ident that the metadata of a flow file tell. */
export function identOf(metadata: Readonly<Record<string, string>>): string {
  return metadata[IDENT_KEY] || NO_IDENT;
}
