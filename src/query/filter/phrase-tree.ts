import { type Phrase, phrases } from './terms.ts';

/** One step of the tree of phrases: what may come after the words read so far. */
export interface PhraseNode {
  readonly next: Map<string, PhraseNode>;
  phrase: Phrase | undefined;
}

export const phraseTree: PhraseNode = { next: new Map(), phrase: undefined };

for (const [words, phrase] of phrases) {
  let node = phraseTree;
  for (const word of words.split(' ')) {
    let next = node.next.get(word);
    if (next === undefined) {
      next = { next: new Map(), phrase: undefined };
      node.next.set(word, next);
    }
    node = next;
  }
  node.phrase = phrase;
}
