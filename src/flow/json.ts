/** What came out of `JSON.parse`, or some other file that nobody has checked: an object, empty for whatever else it is. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The same of a list. */
export function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * JSON without the control characters that it may have as they are, DEL and U+0080 to U+009F: a terminal may obey those,
 * in a text that a device chose, as it does escape sequences.
 */
export function escapeControls(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`);
}

/** A text as JSON that may be shown. */
export function jsonText(text: string): string {
  return escapeControls(JSON.stringify(text));
}
