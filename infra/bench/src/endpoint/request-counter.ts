const END_OF_HEADERS = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length:[ \t]*(\d+)/i

/** Thrown for a request that this reader cannot delimit: the bench would count wrongly, so it must not go on. */
export class UnreadableRequestError extends Error {
  readonly code = 'BENCH_REQUEST_UNREADABLE'
}

/**
 * Finds where requests end in the bytes of one connection, by content-length alone, and looks at nothing else: the
 * endpoint has to be cheaper than the sender it measures. Requests may be cut anywhere and may follow each other without
 * a pause (keep-alive, pipelining). Chunked requests throw; undici sends a length for bodies it holds whole.
 */
export class RequestCounter {
  /** Bytes of an unfinished header section. */
  #head: Buffer | null = null
  /** Bytes of the current body still to come; they may lie in later pieces. */
  #bodyLeft = 0
  /** Whether a body is under way: its request counts when the last byte is in. */
  #inBody = false

  /** How many requests became complete with this piece. */
  take(piece: Buffer): number {
    let complete = 0
    let at = 0
    while (at < piece.length || (this.#inBody && this.#bodyLeft === 0)) {
      if (this.#inBody) {
        const eaten = Math.min(this.#bodyLeft, piece.length - at)
        at += eaten
        this.#bodyLeft -= eaten
        if (this.#bodyLeft > 0) break
        this.#inBody = false
        complete += 1
        continue
      }
      at = this.#takeHead(piece, at)
    }
    return complete
  }

  /** Returns where the body begins, or the end of the piece when the header section is not whole yet. */
  #takeHead(piece: Buffer, at: number): number {
    const before = this.#head
    const seen = before === null ? piece.subarray(at) : Buffer.concat([before, piece.subarray(at)])
    const end = seen.indexOf(END_OF_HEADERS)
    if (end === -1) {
      this.#head = seen
      return piece.length
    }
    this.#head = null
    this.#bodyLeft = bodyLength(seen.toString('latin1', 0, end))
    this.#inBody = true
    return at + end + END_OF_HEADERS.length - (before?.length ?? 0)
  }
}

function bodyLength(head: string): number {
  const length = CONTENT_LENGTH.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  if (/\r\ntransfer-encoding:/i.test(head))
    throw new UnreadableRequestError('a chunked request has no length to count by')
  return 0
}
