import { pause } from '@chasqui/runtime'
import type { Ledger, SettledRow, SettleReply } from '@chasqui/store'

/** Outcomes are gathered this long, so that many are written down by one script, ms. */
const GATHER_MS = 20
const RETRY_MS = 200

const NOTHING = async (): Promise<void> => {}

/** The rows of one claim: gathers what became of them and writes it down, again and again until Redis has it. */
export class ClaimSettler {
  readonly #ledger: Pick<Ledger, 'settle'>
  readonly #campaign: string
  readonly #chunk: number
  readonly #token: string
  readonly #before: (rows: readonly SettledRow[]) => Promise<void>
  readonly #onSettled: (reply: SettleReply) => void
  readonly #onTrouble: (error: unknown) => void
  readonly #writes: Array<Promise<void>> = []
  #gathered: SettledRow[] = []
  #timer: NodeJS.Timeout | null = null
  #left: number

  constructor(options: {
    readonly ledger: Pick<Ledger, 'settle'>
    readonly campaign: string
    readonly chunk: number
    readonly token: string
    readonly rows: number
    /** What must be written down before these rows are settled; asked again until it succeeds. */
    readonly before?: (rows: readonly SettledRow[]) => Promise<void>
    readonly onSettled: (reply: SettleReply) => void
    readonly onTrouble: (error: unknown) => void
  }) {
    this.#ledger = options.ledger
    this.#campaign = options.campaign
    this.#chunk = options.chunk
    this.#token = options.token
    this.#left = options.rows
    this.#before = options.before ?? NOTHING
    this.#onSettled = options.onSettled
    this.#onTrouble = options.onTrouble
  }

  add(row: SettledRow): void {
    this.#gathered.push(row)
    this.#left -= 1
    if (this.#left === 0) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS)
  }

  /** Resolves when everything added so far is written down. */
  async written(): Promise<void> {
    this.#flush()
    await Promise.all(this.#writes)
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#gathered.length === 0) return
    this.#writes.push(this.#write(this.#gathered))
    this.#gathered = []
  }

  /** An outcome is kept until Redis has taken it: settling again is harmless, losing it is not. */
  async #write(rows: readonly SettledRow[]): Promise<void> {
    for (;;) {
      try {
        if (this.#before !== NOTHING) await this.#before(rows)
        this.#onSettled(await this.#ledger.settle(this.#campaign, this.#chunk, this.#token, rows))
        return
      } catch (error) {
        this.#onTrouble(error)
        await pause(RETRY_MS, new AbortController().signal)
      }
    }
  }
}
