// @ts-check
import { stripVTControlCharacters } from 'node:util';

/**
 * Columns that a text of ASCII takes on a terminal; in place of `string-width` in the bundle of yargs. weir's help has
 * nothing else, and the Intl.Segmenter that string-width makes when it is loaded takes as long as starting Node.js does.
 *
 * @param {string} text
 * @returns {number}
 */
export default function textWidth(text) {
  return stripVTControlCharacters(text).length;
}
