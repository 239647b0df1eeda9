import type { Mentioned } from './request.ts'
import type { Outcome } from './outcome.ts'
import { isProcessed, OUTCOMES } from './outcome.ts'
import { Recipients } from './recipients.ts'
import { Archive, Names } from './texts.ts'

/** A request, as it is written down. */
export type Entry = Mentioned & {
  /** Arrival: epoch milliseconds with a fraction. */
  readonly at: number
  readonly outcome: Outcome
  /** The Graph code it was refused with, or the one the message failed with later; `null` for neither. */
  readonly code: number | null
  /** The truth about the message, a set of `FACT`s; 0 if it was not processed. */
  readonly facts: number
}

/** A request, as it is read back. */
export type Row = Entry & {
  readonly index: number
  /** Dense number of the recipient; the same for every request to it. */
  readonly recipient: number
  /** Facts that were told: by webhooks that were answered 200, or by the answer itself (`held`). */
  readonly told: number
}

/** Rows whose texts match; what is not given matches everything. */
export type Selection = {
  readonly template?: string | undefined
  readonly number?: string | undefined
  /** A whole dot-separated part of the callback data but its last two: a campaign's id, an environment. */
  readonly campaign?: string | undefined
}

/**
 * Everything the endpoint was ever asked, and what it did: the witness. Append only, held in typed arrays (about 70
 * bytes a message with its recipient), so that two million messages neither weigh on the heap nor stop it for a
 * garbage collection. Nothing here knows what the callback data means.
 */
export class Ledger {
  readonly recipients = new Recipients()
  readonly #pages: Page[] = []
  readonly #numbers = new Names()
  readonly #templates = new Names()
  readonly #prefixes = new Names()
  readonly #suffixes = new Archive()
  readonly #rowsMax: number
  #size = 0

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  get size(): number {
    return this.#size
  }

  /** Whether one more request would be forgotten. A witness that forgets must stop, not go on. */
  get isFull(): boolean {
    return this.#size >= this.#rowsMax
  }

  /** Writes a request down and gives its index. */
  record(entry: Entry): number {
    if (this.isFull) throw new RangeError(`The ledger holds its ${this.#rowsMax} requests`)
    const index = this.#size++
    const row = index % PAGE
    if (row === 0) this.#pages.push(newPage())
    const page = this.#pages.at(-1)
    if (page === undefined) throw new Error('cannot happen: a page was just added')
    page.at[row] = entry.at
    page.recipient[row] = this.recipients.idOf(entry.phone)
    page.outcome[row] = OUTCOMES.indexOf(entry.outcome)
    page.code[row] = entry.code ?? NO_CODE
    page.facts[row] = entry.facts
    page.number[row] = numberIn(this.#numbers, entry.phoneNumberId)
    page.template[row] = numberIn(this.#templates, entry.template)
    this.#writeCallbackData(page, row, entry.callbackData)
    return index
  }

  /** Facts that the sender now surely knows. */
  tell(index: number, facts: number): void {
    const page = this.#pages[Math.floor(index / PAGE)]
    if (page !== undefined) page.told[index % PAGE] = (page.told[index % PAGE] ?? 0) | facts
  }

  read(index: number): Row {
    const page = this.#pages[Math.floor(index / PAGE)]
    if (page === undefined || index >= this.#size) throw new RangeError(`No request ${index} in the ledger`)
    const row = index % PAGE
    const recipient = page.recipient[row] ?? 0
    const code = page.code[row] ?? NO_CODE
    const place = { start: page.suffixStart[row] ?? 0, length: page.suffixLength[row] ?? 0 }
    return {
      index,
      recipient,
      at: page.at[row] ?? 0,
      phone: this.recipients.phoneOf(recipient),
      phoneNumberId: this.#numbers.nameOf(page.number[row] ?? 0),
      template: this.#templates.nameOf(page.template[row] ?? 0),
      callbackData: this.#prefixes.nameOf(page.prefix[row] ?? 0) + this.#suffixes.read(place),
      outcome: OUTCOMES[page.outcome[row] ?? 0] ?? 'accepted',
      code: code === NO_CODE ? null : code,
      facts: page.facts[row] ?? 0,
      told: page.told[row] ?? 0,
    }
  }

  /** Calls `visit` with each selected row of `[from, to)`, without building objects or texts. */
  scan(selection: Selection, from: number, to: number, visit: (row: Scanned) => void): void {
    const wanted = this.#wanted(selection)
    const scanned: Scanned = {
      index: 0,
      at: 0,
      recipient: 0,
      number: 0,
      outcome: 'accepted',
      processed: false,
      code: null,
      facts: 0,
      told: 0,
    }
    for (let index = from; index < Math.min(to, this.#size); index++) {
      const page = this.#pages[Math.floor(index / PAGE)]
      const row = index % PAGE
      if (page === undefined || !isWanted(wanted, page, row)) continue
      const code = page.code[row] ?? NO_CODE
      scanned.index = index
      scanned.at = page.at[row] ?? 0
      scanned.recipient = page.recipient[row] ?? 0
      scanned.number = page.number[row] ?? 0
      scanned.outcome = OUTCOMES[page.outcome[row] ?? 0] ?? 'accepted'
      scanned.processed = isProcessed(scanned.outcome)
      scanned.code = code === NO_CODE ? null : code
      scanned.facts = page.facts[row] ?? 0
      scanned.told = page.told[row] ?? 0
      visit(scanned)
    }
  }

  /** The phone number id behind {@link Scanned.number}. */
  phoneNumberId(number: number): string {
    return this.#numbers.nameOf(number)
  }

  /**
   * Callback data is mostly the same text but for its last two dot-separated parts. The rest is kept once. A text
   * without dots, or one more prefix than the table holds, is kept whole.
   */
  #writeCallbackData(page: Page, row: number, text: string): void {
    const cut = text.lastIndexOf('.', text.lastIndexOf('.') - 1) + 1
    const prefix = this.#prefixes.numberOf(text.slice(0, cut))
    const place = this.#suffixes.add(prefix === null ? text : text.slice(cut))
    page.prefix[row] = prefix ?? 0
    page.suffixStart[row] = place.start
    page.suffixLength[row] = place.length
  }

  #wanted({ template, number, campaign }: Selection): Wanted {
    return {
      template: template === undefined ? null : this.#templates.flags((name) => name === template),
      number: number === undefined ? null : this.#numbers.flags((name) => name === number),
      prefix: campaign === undefined ? null : this.#prefixes.flags((name) => name.split('.').includes(campaign)),
    }
  }
}

/** What a scan shows of a row. One object, changed from row to row: copy what is to be kept. */
export type Scanned = {
  index: number
  at: number
  recipient: number
  number: number
  outcome: Outcome
  processed: boolean
  code: number | null
  facts: number
  told: number
}

const PAGE = 65_536
const NO_CODE = 0xffffffff

type Page = {
  readonly at: Float64Array
  readonly recipient: Uint32Array
  readonly code: Uint32Array
  readonly suffixStart: Uint32Array
  readonly suffixLength: Uint16Array
  readonly prefix: Uint16Array
  readonly number: Uint16Array
  readonly template: Uint16Array
  readonly outcome: Uint8Array
  readonly facts: Uint8Array
  readonly told: Uint8Array
}

function newPage(): Page {
  return {
    at: new Float64Array(PAGE),
    recipient: new Uint32Array(PAGE),
    code: new Uint32Array(PAGE),
    suffixStart: new Uint32Array(PAGE),
    suffixLength: new Uint16Array(PAGE),
    prefix: new Uint16Array(PAGE),
    number: new Uint16Array(PAGE),
    template: new Uint16Array(PAGE),
    outcome: new Uint8Array(PAGE),
    facts: new Uint8Array(PAGE),
    told: new Uint8Array(PAGE),
  }
}

type Wanted = {
  readonly template: Uint8Array | null
  readonly number: Uint8Array | null
  readonly prefix: Uint8Array | null
}

function isWanted(wanted: Wanted, page: Page, row: number): boolean {
  return (
    (wanted.template === null || wanted.template[page.template[row] ?? 0] === 1) &&
    (wanted.number === null || wanted.number[page.number[row] ?? 0] === 1) &&
    (wanted.prefix === null || wanted.prefix[page.prefix[row] ?? 0] === 1)
  )
}

/** Past its bound the table of names gives the empty one: such a row is still counted, but in no selection. */
function numberIn(names: Names, name: string): number {
  return names.numberOf(name) ?? 0
}
