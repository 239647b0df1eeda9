/** A word that an operator lets people stop marketing with: what they write, or what their button says or carries. */
export type OptOutWords = ReadonlySet<string>

/** Longer texts are no such words; a message may have 4,096 characters. */
const WORD_CHARACTERS_MAX = 200

/** @param words as an operator writes them; `null` when one of them is empty or too long. */
export function optOutWords(words: readonly string[]): OptOutWords | null {
  const folded = words.map(foldWord)
  return folded.every((word) => word !== '' && word.length <= WORD_CHARACTERS_MAX) ? new Set(folded) : null
}

/** Whether a text, as a whole, is one of the words: not by its case, its width or the spaces around it. */
export function isOptOut(words: OptOutWords, text: string | null): boolean {
  return words.size > 0 && text !== null && text.length <= WORD_CHARACTERS_MAX && words.has(foldWord(text))
}

/** Upper case first: it takes letters together that lower case keeps apart (ß and SS, the two small sigmas). */
function foldWord(text: string): string {
  return text.normalize('NFKC').trim().toUpperCase().toLowerCase().normalize('NFKC')
}
