import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLogger({ name: 'test', level: 'info' }, { write: (line) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line has a level by name, a time in ISO and the message', () => {
  const [line] = logged((logger) => logger.info({ port: 3000 }, 'ready'))
  expect(line).toMatchObject({
    level: 'info',
    name: 'test',
    msg: 'ready',
    port: 3000,
    time: expect.stringMatching(/^20.*Z$/) as string,
  })
})

test('nothing private comes out, wherever it is put in', () => {
  const PRIVATE = '5511912345678'
  const lines = logged((logger) => {
    logger.info({ to: PRIVATE, request: { headers: { authorization: PRIVATE }, body: PRIVATE } }, 'fields')
    logger.info(`sent to +${PRIVATE}`)
    logger.info('sent to %s', `+${PRIVATE}`)
    logger.error(Object.assign(new Error(`no such number +${PRIVATE}`), { response: PRIVATE }))
    logger.error({ err: Object.assign(new Error('refused'), { command: { args: [PRIVATE] } }) }, 'refused')
    logger.child({ phone: PRIVATE }).info('child')
    logger.child({ one: 1 }).child({ to: PRIVATE }).info({ to: PRIVATE }, 'grandchild')
  })
  expect(lines).toHaveLength(7)
  expect(lines.at(-1)).toMatchObject({ one: 1, to: '[redacted]', msg: 'grandchild' })
  expect(JSON.stringify(lines)).not.toContain(PRIVATE)
})

test('an error keeps its stack', () => {
  const [line] = logged((logger) => logger.error({ err: new Error('broken') }, 'failed'))
  expect(line).toMatchObject({
    err: { type: 'Error', message: 'broken', stack: expect.stringContaining('logger.test.ts') as string },
  })
})

test('what is below the level is not written', () => {
  expect(logged((logger) => logger.debug('quiet'))).toEqual([])
})
