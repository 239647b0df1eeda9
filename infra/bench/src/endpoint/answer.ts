/**
 * The success body of the marketing_messages call, always of the same size, each with a message id of its own: a sender
 * that keeps or compares ids must not find them equal.
 */
const ID_DIGITS = 16
const ID_SLOT = '0'.repeat(ID_DIGITS)
const MESSAGE_ID = `wamid.HBgNNTUxMTkwMDAwMDAwMBUCABEYEg${ID_SLOT}AA==`
const BODY =
  '{"messaging_product":"whatsapp","contacts":[{"input":"+5511900000000","wa_id":"5511900000000"}],' +
  `"messages":[{"id":"${MESSAGE_ID}","message_status":"accepted"}]}`
const TEMPLATE = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n' +
    `Content-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n${BODY}`,
)
const ID_AT = TEMPLATE.indexOf(ID_SLOT)

/** The message id of the answer to a request, counted from 0. */
export function messageIdOf(request: number): string {
  return MESSAGE_ID.replace(ID_SLOT, String(request).padStart(ID_DIGITS, '0'))
}

/** `count` whole HTTP answers in one buffer, with the message ids `first`, `first + 1` … in decimal. */
export function answers(first: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(TEMPLATE.length * count)
  for (let index = 0; index < count; index++) {
    const start = index * TEMPLATE.length
    TEMPLATE.copy(bytes, start)
    let id = first + index
    for (let digit = start + ID_AT + ID_DIGITS - 1; id > 0; digit--) {
      bytes[digit] = 48 + (id % 10)
      id = Math.floor(id / 10)
    }
  }
  return bytes
}
