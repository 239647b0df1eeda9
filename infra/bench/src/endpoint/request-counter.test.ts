import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RequestCounter, UnreadableRequestError } from './request-counter.ts'

function request(body: string, header = 'Content-Length'): string {
  return `POST /1/marketing_messages HTTP/1.1\r\nHost: x\r\n${header}: ${Buffer.byteLength(body)}\r\nAccept: */*\r\n\r\n${body}`
}

/** Cuts a text into pieces at the given places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

describe('RequestCounter', () => {
  test('counts a request when its last byte is in, not before', () => {
    const counter = new RequestCounter()
    const bytes = Buffer.from(request('{"to":"é"}'))
    expect(counter.take(bytes.subarray(0, -1))).toBe(0)
    expect(counter.take(bytes.subarray(-1))).toBe(1)
  })

  test('counts requests that come in one piece', () => {
    expect(new RequestCounter().take(Buffer.from(request('a').repeat(8)))).toBe(8)
  })

  test('finds the length however the header is spelled', () => {
    expect(new RequestCounter().take(Buffer.from(request('abc', 'content-length')))).toBe(1)
  })

  test('counts a request without a body at the end of its headers', () => {
    expect(new RequestCounter().take(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))).toBe(1)
  })

  test('refuses what it would count wrongly', () => {
    const chunked = Buffer.from('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n')
    expect(() => new RequestCounter().take(chunked)).toThrow(UnreadableRequestError)
  })

  test('does not care where the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (bodies, places) => {
        const counter = new RequestCounter()
        const pieces = cut(bodies.map((body) => request(body)).join(''), places)
        expect(pieces.reduce((sum, piece) => sum + counter.take(piece), 0)).toBe(bodies.length)
      }),
    )
  })
})
