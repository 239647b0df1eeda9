/** Few different texts, each named by a small number. 0 is always the empty text. */
export class Names {
  readonly #numbers = new Map<string, number>([['', 0]])
  readonly #names: string[] = ['']

  /** `null` when the table is full: the caller must say so rather than mix names up. */
  numberOf(name: string): number | null {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    if (this.#names.length > NAMES_MAX) return null
    this.#numbers.set(name, this.#names.length)
    return this.#names.push(name) - 1
  }

  nameOf(number: number): string {
    return this.#names[number] ?? ''
  }

  /** The numbers of the names that are wanted, as flags by number. */
  flags(wanted: (name: string) => boolean): Uint8Array {
    return Uint8Array.from(this.#names, (name) => (wanted(name) ? 1 : 0))
  }
}

const NAMES_MAX = 0xffff

/** Where a text lies in an {@link Archive}. */
export type TextPlace = { readonly start: number; readonly length: number }

/** Many different short texts, one after the other in pages of bytes: no object for each. */
export class Archive {
  readonly #pages: Buffer[] = []
  #end = 0

  /** Texts of at most 64 KiB. */
  add(text: string): TextPlace {
    if (text === '') return { start: 0, length: 0 }
    const length = Buffer.byteLength(text)
    // A text does not straddle two pages.
    if (this.#end + length > this.#pages.length * PAGE) this.#addPage()
    const start = this.#end
    this.#pages.at(-1)?.write(text, start % PAGE)
    this.#end += length
    return { start, length }
  }

  read({ start, length }: TextPlace): string {
    if (length === 0) return ''
    const from = start % PAGE
    return this.#pages[Math.floor(start / PAGE)]?.toString('utf8', from, from + length) ?? ''
  }

  #addPage(): void {
    this.#end = this.#pages.length * PAGE
    this.#pages.push(Buffer.allocUnsafe(PAGE))
  }
}

const PAGE = 1024 * 1024
