export { nearest } from '../../flow/suggest.ts';
