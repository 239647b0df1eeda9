import { setTimeout as sleep } from 'node:timers/promises'

import { spawnApp } from '@chasqui/harness'
import type { App, AppExit } from '@chasqui/harness'

export type MemberOptions = {
  /** A folder of apps/, or with `script` any name. */
  readonly name: string
  readonly script?: string
  readonly args?: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** An orchestrator starts a process that ended again after this, ms. */
const RESTART_AFTER_MS = 200
/** A process on a busy machine serves within this, ms. */
const READY_MS = 180_000

/** One process that somebody keeps running: whoever kills it, it comes back, as under any orchestrator. */
export class Member {
  readonly name: string
  /** How often it ended although nobody had ended it. */
  endedByItself = 0
  /** What it said last before it ended by itself. */
  readonly lastWords: string[] = []
  readonly #options: MemberOptions
  #app: App | null = null
  #wanted = false
  #ended: 'by us' | 'by itself' = 'by itself'
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: MemberOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Starts it; resolves when it serves. */
  async start(): Promise<{ readonly port: number; readonly metricsPort: number }> {
    this.#wanted = true
    const app = this.#spawn()
    this.#keeping = this.#keep(app)
    return await app.ready(READY_MS)
  }

  /** Whether it says that it is alive, within a second, as an orchestrator asks; told by the process that runs now. */
  async isLive(): Promise<boolean> {
    const metricsPort = (await this.#app?.ready(READY_MS))?.metricsPort ?? 0
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/livez`, { signal: AbortSignal.timeout(1_000) }).catch(
      () => null,
    )
    return answer?.ok === true
  }

  get lines(): readonly string[] {
    return this.#app?.lines ?? []
  }

  /** SIGKILL; it comes back by itself. */
  kill(): void {
    this.#ended = 'by us'
    // A stopped process takes no signal but this one.
    this.#app?.signal('SIGKILL')
  }

  /** Ends it and starts it again after `ms`; resolves when it serves again. */
  async rest(ms: number): Promise<void> {
    await this.stop()
    await sleep(ms)
    await this.start()
  }

  freeze(): void {
    this.#app?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#app?.signal('SIGCONT')
  }

  /** SIGTERM and wait for its end, as a deployment does; it comes back. Resolves with how it ended and how long it took. */
  async roll(): Promise<{ readonly exit: AppExit; readonly ms: number }> {
    const app = this.#app
    if (app === null) throw new Error(`${this.name} does not run`)
    this.#ended = 'by us'
    const began = performance.now()
    const exit = await app.stop(30_000)
    return { exit, ms: performance.now() - began }
  }

  /** SIGTERM for good. */
  async stop(): Promise<AppExit | null> {
    this.#wanted = false
    this.#ended = 'by us'
    this.thaw()
    const exit = (await this.#app?.stop()) ?? null
    await this.#keeping
    return exit
  }

  #spawn(): App {
    const { name, script, args, env } = this.#options
    this.#app = spawnApp({
      name,
      env,
      ...(script === undefined ? {} : { script }),
      ...(args === undefined ? {} : { args }),
    })
    this.#ended = 'by itself'
    return this.#app
  }

  async #keep(first: App): Promise<void> {
    for (let app = first; ; app = this.#spawn()) {
      await app.exited
      if (!this.#wanted) return
      if (this.#ended === 'by itself') {
        this.endedByItself += 1
        this.lastWords.push(...app.lines.slice(-5))
      }
      await sleep(RESTART_AFTER_MS)
      if (!this.#wanted) return
    }
  }
}
