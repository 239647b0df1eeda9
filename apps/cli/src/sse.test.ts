import fc from 'fast-check'
import { expect, test } from 'vitest'

import { EventReader } from './sse.ts'
import type { ServerEvent } from './sse.ts'

function readAll(pieces: readonly string[]): ServerEvent[] {
  const reader = new EventReader()
  return pieces.flatMap((piece) => reader.push(piece))
}

test('an event has a name and data; comments and other fields are left out', () => {
  expect(readAll([': hello\nid: 7\nevent: report\ndata: {"a":1}\n\n: still here\n\ndata:plain\n\n'])).toEqual([
    { event: 'report', data: '{"a":1}' },
    { event: 'message', data: 'plain' },
  ])
})

test('data of several lines is one text, and an event without data is none', () => {
  expect(readAll(['data: a\ndata\ndata: b\n\nevent: nothing\n\n'])).toEqual([{ event: 'message', data: 'a\n\nb' }])
})

test('what has not been completed is not told', () => {
  expect(readAll(['event: report\ndata: half'])).toEqual([])
})

test('wherever the text is cut, and whatever ends its lines, the events are the same', () => {
  const events = fc.array(
    fc.record({ event: fc.constantFrom('report', 'message'), data: fc.constantFrom('{}', 'a: b', '', 'é🎉') }),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(events, fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(200)), (told, end, cuts) => {
      const text = told.map(({ event, data }) => `event: ${event}${end}data: ${data}${end}${end}`).join('')
      const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b)
      const pieces = places.slice(1).map((place, index) => text.slice(places[index], place))
      expect(readAll(pieces)).toEqual(told)
    }),
  )
})
