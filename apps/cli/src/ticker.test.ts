import { Writable } from 'node:stream'

import { expect, test } from 'vitest'

import { Ticker } from './ticker.ts'

class Terminal extends Writable {
  readonly isTTY: boolean
  readonly columns: number
  text = ''

  constructor(isTTY: boolean, columns: number) {
    super()
    this.isTTY = isTTY
    this.columns = columns
  }

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString()
    done()
  }
}

test('on a terminal the line is rewritten in place and left standing at the end', () => {
  const terminal = new Terminal(true, 80)
  const ticker = new Ticker(terminal)
  ticker.show('one')
  ticker.show('two')
  ticker.end()
  ticker.end()
  expect(terminal.text).toBe('\r\u001b[2Kone\r\u001b[2Ktwo\n')
})

test('a line is never so long that it wraps', () => {
  const terminal = new Terminal(true, 40)
  new Ticker(terminal).show('x'.repeat(100))
  expect(terminal.text).toBe(`\r\u001b[2K${'x'.repeat(39)}`)
})

test('elsewhere it is silent', () => {
  const file = new Terminal(false, 80)
  const ticker = new Ticker(file)
  ticker.show('one')
  ticker.end()
  expect([ticker.isLive, file.text]).toEqual([false, ''])
})
