/**
 * Loaded into a send-worker with `--import`: blocks its event loop at the two moments that hurt most, by chance. CHAOS_FREEZE
 * is JSON, see `Freezing`. Nothing of the product knows of this.
 */
import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

type Freezing = {
  /** How likely at each of these moments. */
  readonly share: number
  /** For how long, ms. */
  readonly leastMs: number
  readonly mostMs: number
  /** How often at most in this process. */
  readonly most: number
}

const freezing = JSON.parse(process.env['CHAOS_FREEZE'] ?? '{"share":0,"leastMs":0,"mostMs":0,"most":0}') as Freezing
const cell = new Int32Array(new SharedArrayBuffer(4))
let times = 0

function perhapsFreeze(where: string): void {
  if (times >= freezing.most || Math.random() >= freezing.share) return
  times += 1
  const ms = Math.round(freezing.leastMs + Math.random() * (freezing.mostMs - freezing.leastMs))
  Atomics.wait(cell, 0, 0, ms)
  console.log(JSON.stringify({ msg: 'frozen', where, ms }))
}

// Handed to undici, not yet asked whether it may leave: between the claim and the fence.
subscribe('undici:request:create', () => perhapsFreeze('before a request'))

// A claim was made, and its answer lies unread.
const on = Socket.prototype as { emit: (this: Socket, event: string, ...args: readonly unknown[]) => boolean }
const { emit } = on
on.emit = function emitLate(event, ...args) {
  const [bytes] = args
  if (event === 'data' && Buffer.isBuffer(bytes) && bytes.includes('claimed')) perhapsFreeze('before an answer')
  return emit.call(this, event, ...args)
}
