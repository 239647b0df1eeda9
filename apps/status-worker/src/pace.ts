/** How far a campaign had come at some moment (ms). */
type Mark = { readonly at: number; readonly done: number }

/** A pace is taken over this long, ms. */
const OVER_MS = 60_000

/** How fast campaigns are handed over, from the numbers seen in the last minute. */
export class Paces {
  readonly #marks = new Map<string, Mark[]>()

  /** Told where a campaign stands: recipients that are no longer pending. */
  note(campaign: string, at: number, done: number): void {
    const recent = (this.#marks.get(campaign) ?? []).filter((mark) => at - mark.at <= OVER_MS)
    this.#marks.set(campaign, [...recent, { at, done }])
  }

  /** Recipients a second; 0 when nothing moved or too little was seen. */
  of(campaign: string): number {
    const marks = this.#marks.get(campaign) ?? []
    const [first, last] = [marks[0], marks.at(-1)]
    if (first === undefined || last === undefined || last.at === first.at) return 0
    return Math.max(0, ((last.done - first.done) * 1_000) / (last.at - first.at))
  }

  /** Forget all campaigns but these. */
  keepOnly(campaigns: ReadonlySet<string>): void {
    for (const id of this.#marks.keys()) if (!campaigns.has(id)) this.#marks.delete(id)
  }
}
