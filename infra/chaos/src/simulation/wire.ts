/** One command on its way to Redis and back. */
export type Command = {
  readonly run: () => unknown
  readonly answered: (result: unknown) => void
  /** Given up by the caller; it may be carried out all the same. */
  readonly failed: () => void
  readonly sentAt: number
  executed: boolean
  result: unknown
  /** The caller has heard of it, one way or the other. */
  over: boolean
}

/**
 * A connection of ioredis: commands are carried out and answered in order; after a break all that was not answered is
 * sent again, also what was carried out. What lay in the broken connection may still reach Redis, later.
 */
export class Wire {
  up = true
  #commands: Command[] = []

  get idle(): boolean {
    return this.#commands.length === 0
  }

  send(now: number, run: () => unknown, answered: (result: unknown) => void, failed: () => void): void {
    this.#commands.push({ run, answered, failed, sentAt: now, executed: false, result: undefined, over: false })
  }

  get canExecute(): boolean {
    return this.up && this.#commands.some((command) => !command.executed)
  }

  execute(): void {
    const command = this.#commands.find(({ executed }) => !executed)
    if (command === undefined) return
    command.executed = true
    command.result = command.run()
  }

  get canAnswer(): boolean {
    return this.up && this.#commands[0]?.executed === true
  }

  answer(): void {
    const command = this.#commands.shift()
    if (command === undefined || command.over) return
    command.over = true
    command.answered(command.result)
  }

  /** Callers that have waited too long hear of it; their commands stay. */
  giveUp(before: number): void {
    for (const command of this.#commands) {
      if (command.over || command.sentAt > before) continue
      command.over = true
      command.failed()
    }
  }

  /** The connection breaks. Returns what Redis has not seen yet and may see all the same. */
  cut(): Command[] {
    this.up = false
    return this.#commands.filter(({ executed }) => !executed)
  }

  reconnect(): void {
    this.up = true
    for (const command of this.#commands) command.executed = false
  }
}
