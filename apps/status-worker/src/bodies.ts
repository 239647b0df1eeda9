import type { Readable } from 'node:stream'

/** Why a body was not read to its end. */
export type BodyRefusal = 'too_large' | 'too_busy' | 'broken_off'

export type BodyDone = (refusal: BodyRefusal | null, body?: Buffer) => void

export type BodyLimits = {
  /** Bytes of one body, at most. */
  readonly bodyMax: number
  /** So many bytes of any body are free: what Meta sends day by day is never turned away for what others hold. */
  readonly smallMax: number
  /** Bytes that bodies on their way may hold beyond that, all together. */
  readonly largeMax: number
}

/**
 * Reads bodies as they come over the wire, within a bound for all of them together: whether a body is genuine is known only
 * at its end, so anybody may make us hold one, and hundreds of half-sent bodies of 4 MB would fill any memory.
 */
export class Bodies {
  readonly #limits: BodyLimits
  #large = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /**
   * Read a request's body; `done` is called once. After a refusal the rest is not read, and the connection is of no more use.
   *
   * @param declared the Content-Length header, if there is one.
   */
  read(stream: Readable, declared: string | undefined, done: BodyDone): void {
    if (declared !== undefined && Number(declared) > this.#limits.bodyMax) {
      done('too_large')
      return
    }
    const pieces: Buffer[] = []
    let bytes = 0
    const end = (refusal: BodyRefusal | null): void => {
      stream.off('data', take).off('end', whole).off('error', broken).off('close', broken)
      // A connection that breaks later still says so, and there is nobody left to tell.
      if (refusal !== null) stream.pause().on('error', () => {})
      this.#large -= this.#beyondSmall(bytes)
      done(refusal, refusal === null ? joined(pieces) : undefined)
    }
    const take = (piece: Buffer): void => {
      this.#large += this.#beyondSmall(bytes + piece.length) - this.#beyondSmall(bytes)
      bytes += piece.length
      pieces.push(piece)
      if (bytes > this.#limits.bodyMax) end('too_large')
      else if (this.#large > this.#limits.largeMax && bytes > this.#limits.smallMax) end('too_busy')
    }
    const whole = (): void => end(null)
    const broken = (): void => end('broken_off')
    stream.on('data', take).on('end', whole).on('error', broken).on('close', broken)
  }

  #beyondSmall(bytes: number): number {
    return Math.max(0, bytes - this.#limits.smallMax)
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only, ...more] = pieces
  return only !== undefined && more.length === 0 ? only : Buffer.concat(pieces)
}
