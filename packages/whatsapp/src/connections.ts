/** A connection, or the place of one: it is opened by its first request, and again after it was closed. */
export type Connection<Client> = {
  readonly client: Client
  /** It has answered since it was opened. */
  proven: boolean
  /** In use while it was not proven. */
  opening: boolean
}

/** In use without having answered, at first. */
const OPENING_FIRST = 16

/**
 * The connections to an endpoint, each good for one request at a time. One that has answered is used before any other, the
 * last one first; and of those that have not, only so many are in use at a time as have, or a few: so their number doubles
 * in the time of an answer, as TCP's slow start has it (RFC 5681, section 3.1), and only if it is needed.
 *
 * An endpoint that is cold, or slow to accept, would else be stormed: measured with eight workers on two cores, of a
 * thousand connections opened within a second, which a Node server accepts one a turn of its loop, the last ones waited
 * for over two seconds, and their requests were lost.
 */
export class Connections<Client> {
  readonly #most: number
  readonly #make: (closed: () => void) => Client
  readonly #all: Array<Connection<Client>> = []
  /** Not in use; those of the first have answered, or are closed since. */
  readonly #warm: Array<Connection<Client>> = []
  readonly #cold: Array<Connection<Client>> = []
  #proven = 0
  #opening = 0

  /** @param most in all. @param make what it is given is to be called whenever the connection was closed. */
  constructor(most: number, make: (closed: () => void) => Client) {
    this.#most = most
    this.#make = make
  }

  /** All there have ever been. */
  get all(): ReadonlyArray<Connection<Client>> {
    return this.#all
  }

  /** To be given back; `null`: none now, and one that is in use will be given back. */
  take(): Connection<Client> | null {
    for (let connection = this.#warm.pop(); connection !== undefined; connection = this.#warm.pop()) {
      if (connection.proven) return connection
      this.#cold.push(connection)
    }
    if (this.#opening >= Math.max(OPENING_FIRST, this.#proven)) return null
    const connection = this.#cold.pop() ?? (this.#all.length < this.#most ? this.#add() : null)
    if (connection === null) return null
    connection.opening = true
    this.#opening += 1
    return connection
  }

  /** @param answered the request had an answer, whatever it said. */
  giveBack(connection: Connection<Client>, answered: boolean): void {
    this.#prove(connection, answered)
    this.putBack(connection)
  }

  /** It was taken and not used. */
  putBack(connection: Connection<Client>): void {
    if (connection.opening) {
      connection.opening = false
      this.#opening -= 1
    }
    const idle = connection.proven ? this.#warm : this.#cold
    idle.push(connection)
  }

  #prove(connection: Connection<Client>, proven: boolean): void {
    if (connection.proven === proven) return
    connection.proven = proven
    this.#proven += proven ? 1 : -1
  }

  #add(): Connection<Client> {
    const client = this.#make(() => this.#prove(connection, false))
    const connection: Connection<Client> = { client, proven: false, opening: false }
    this.#all.push(connection)
    return connection
  }
}
