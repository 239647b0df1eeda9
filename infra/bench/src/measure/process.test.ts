import { expect, test } from 'vitest'
import { parseCpu, parsePeak, readProcessUse } from './process.ts'

test('parsePeak reads the high-water mark, not the present size', () => {
  expect(parsePeak('VmPeak:\t  999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n')).toBe(2 * 1024 * 1024)
})

test('parseCpu adds user and system time, whatever the process is called', () => {
  expect(parseCpu('7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 11 0 100')).toBe(3)
})

test('readProcessUse knows nothing of a process that does not exist', async () => {
  expect(await readProcessUse(2 ** 30)).toBeNull()
})
