/**
 * Plays Meta's webhook sender at the lowest cost there is: requests made beforehand, raw sockets, one request in flight on
 * each. Answers are told apart by their first line and not read further. Controlled over IPC (control.ts).
 */
import { connect, type Socket } from 'node:net'
import { statusBodies } from '../statuses.ts'
import type { GeneratorReading, GeneratorWork } from './control.ts'
import { signedRequest } from './signed-request.ts'

const CONNECTIONS = 64
const ANSWER = 'HTTP/1.1 '
const OK = `${ANSWER}200`

let requests: Buffer[] = []
let next = 0
let answered = 0
let refused = 0

function prepare({ host, port, appSecret, ...bodies }: GeneratorWork): Socket[] {
  requests = Array.from(statusBodies(bodies), (body) => signedRequest(body, appSecret, `${host}:${port}`))
  return Array.from({ length: CONNECTIONS }, () => connect({ host, port, noDelay: true }).on('data', onAnswer))
}

/** One request is in flight, so an answer begins with a piece; later pieces are the rest of its body. */
function onAnswer(this: Socket, piece: Buffer): void {
  const line = piece.toString('latin1', 0, OK.length)
  if (!line.startsWith(ANSWER)) return
  answered += 1
  if (line !== OK) refused += 1
  post(this)
}

function post(socket: Socket): void {
  const request = requests[next]
  if (request === undefined) return
  next += 1
  socket.write(request)
}

let sockets: Socket[] = []
process.on('message', (message: { prepare: GeneratorWork } | 'go' | 'read') => {
  if (message === 'read') process.send?.(reading())
  else if (message === 'go') {
    for (const socket of sockets) post(socket)
    process.send?.('gone')
  } else {
    sockets = prepare(message.prepare)
    process.send?.('ready')
  }
})
process.on('disconnect', () => process.exit(0))

function reading(): GeneratorReading {
  return { atMs: performance.now(), count: answered, refused, left: requests.length - next }
}
