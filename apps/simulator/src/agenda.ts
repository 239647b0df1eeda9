/** A status that is due: of which request, which status (its place in `STATUSES`), and how often it was tried. */
export type Due = { readonly request: number; readonly status: number; readonly tries: number }

/**
 * Statuses by the time they are due: a binary heap in typed arrays, 14 bytes each, so that millions may wait. Bounded:
 * what does not fit is dropped, and the caller counts it.
 */
export class Agenda {
  #due = new Float64Array(1024)
  #request = new Uint32Array(1024)
  #status = new Uint8Array(1024)
  #tries = new Uint8Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** When the first one is due; `Infinity` if none waits. */
  get nextAt(): number {
    return this.#size === 0 ? Infinity : (this.#due[0] ?? Infinity)
  }

  /** `false`: `sizeMax` wait already. */
  add(at: number, { request, status, tries }: Due, sizeMax: number): boolean {
    if (this.#size >= sizeMax) return false
    if (this.#size === this.#due.length) this.#grow()
    this.#put(this.#size, at, request, status, tries)
    this.#size++
    this.#rise(this.#size - 1)
    return true
  }

  /** The one that is due first, if it is due at `now`. */
  take(now: number): Due | null {
    if (this.nextAt > now) return null
    const first = { request: this.#request[0] ?? 0, status: this.#status[0] ?? 0, tries: this.#tries[0] ?? 0 }
    this.#size--
    this.#move(this.#size, 0)
    this.#sink()
    return first
  }

  #rise(start: number): void {
    let child = start
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (this.#at(parent) <= this.#at(child)) return
      this.#swap(parent, child)
      child = parent
    }
  }

  #sink(): void {
    let parent = 0
    for (;;) {
      const left = parent * 2 + 1
      if (left >= this.#size) return
      const right = left + 1
      const child = right < this.#size && this.#at(right) < this.#at(left) ? right : left
      if (this.#at(parent) <= this.#at(child)) return
      this.#swap(parent, child)
      parent = child
    }
  }

  #at(place: number): number {
    return this.#due[place] ?? Infinity
  }

  #put(place: number, at: number, request: number, status: number, tries: number): void {
    this.#due[place] = at
    this.#request[place] = request
    this.#status[place] = status
    this.#tries[place] = tries
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#at(from), this.#request[from] ?? 0, this.#status[from] ?? 0, this.#tries[from] ?? 0)
  }

  #swap(one: number, other: number): void {
    const at = this.#at(one)
    const request = this.#request[one] ?? 0
    const status = this.#status[one] ?? 0
    const tries = this.#tries[one] ?? 0
    this.#move(other, one)
    this.#put(other, at, request, status, tries)
  }

  #grow(): void {
    const length = this.#due.length * 2
    const [due, request, status, tries] = [this.#due, this.#request, this.#status, this.#tries]
    this.#due = new Float64Array(length)
    this.#request = new Uint32Array(length)
    this.#status = new Uint8Array(length)
    this.#tries = new Uint8Array(length)
    this.#due.set(due)
    this.#request.set(request)
    this.#status.set(status)
    this.#tries.set(tries)
  }
}
