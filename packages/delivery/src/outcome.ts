/** What became of one POST, named once; every later question is answered from here. */
export type Outcome =
  /** A readable 200 with a message id. `held`: taken, but held back by pacing for now. */
  | { readonly kind: 'accepted'; readonly messageId: string; readonly held: boolean }
  /** A readable Graph error. `waitMs`: how long the answer itself asks to wait, if it does. */
  | {
      readonly kind: 'refused'
      readonly code: number
      readonly httpStatus: number
      readonly details: string
      readonly waitMs: number | null
    }
  /** Our own fence kept every byte back at the socket. */
  | { readonly kind: 'held_back'; readonly reason: string }
  /** Surely not a byte of the request was written: refused connection, DNS, TLS. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** Something was written and no readable answer came: the message may have been sent. */
  | { readonly kind: 'lost'; readonly reason: string }
