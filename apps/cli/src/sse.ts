/** One server-sent event. */
export type ServerEvent = { readonly event: string; readonly data: string }

/**
 * Takes server-sent events out of text that comes in pieces of any size (WHATWG HTML, 9.2.6): comments and fields that
 * nobody needs here are left out.
 */
export class EventReader {
  #text = ''
  #event = 'message'
  #data: string[] = []

  /** The events that this piece completed. */
  push(piece: string): ServerEvent[] {
    this.#text += piece
    const lines = this.#text.split(/\r\n|\n|\r(?!$)/)
    this.#text = lines.pop() ?? ''
    return lines.flatMap((line) => this.#line(line))
  }

  #line(line: string): ServerEvent[] {
    if (line === '') return this.#complete()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    if (field === 'data') this.#data.push(value)
    return []
  }

  #complete(): ServerEvent[] {
    const complete = { event: this.#event, data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#event = 'message'
    this.#data = []
    return isEmpty ? [] : [complete]
  }
}
