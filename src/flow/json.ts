/** What came out of `JSON.parse`, or some other file that nobody has checked: an object, empty for whatever else it is. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The same of a list. */
export function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
