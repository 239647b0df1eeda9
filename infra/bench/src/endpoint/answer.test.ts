import { expect, test } from 'vitest'
import { answers } from './answer.ts'

type Sent = { messages: [{ id: string; message_status: string }] }

function bodies(bytes: Buffer): Sent[] {
  return bytes
    .toString()
    .split('HTTP/1.1 200 OK\r\n')
    .slice(1)
    .map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      expect(head).toContain(`Content-Length: ${body.length}\r\n`)
      return JSON.parse(body) as Sent
    })
}

test('answers are whole, of one size, and never share a message id', () => {
  const first = answers(0, 1)
  const later = answers(9_999, 3)
  expect(later.length).toBe(3 * first.length)
  const ids = [...bodies(first), ...bodies(later)].map((body) => body.messages[0].id)
  expect(new Set(ids).size).toBe(4)
  expect(ids.at(-1)).toBe('wamid.HBgNNTUxMTkwMDAwMDAwMBUCABEYEg0000000000010001AA==')
})
