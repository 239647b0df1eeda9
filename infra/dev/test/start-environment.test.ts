import { expect, test } from 'vitest'
import { environmentOf } from '../start-environment.ts'

test('the configured environment is passed on, with the Redis that was started', () => {
  expect(environmentOf('producer', { LOG_LEVEL: 'warn' }, 'redis://127.0.0.1:1')).toEqual({
    LOG_LEVEL: 'warn',
    REDIS_URL: 'redis://127.0.0.1:1',
  })
})

test('one PORT and one METRICS_PORT become one for each app', () => {
  const ports = ['producer', 'send-worker', 'status-worker', 'simulator'].map((app) =>
    environmentOf(app, { PORT: '3000', METRICS_PORT: '9301' }, undefined),
  )
  expect(ports.map((env) => env['METRICS_PORT'])).toEqual(['9301', '9302', '9303', '9304'])
  expect(ports.map((env) => env['PORT'])).toEqual(['3000', '3000', '3001', '3999'])
})

test('0 and nonsense are passed on as they are', () => {
  expect(environmentOf('status-worker', { PORT: '0', METRICS_PORT: 'x' }, undefined)).toEqual({
    PORT: '0',
    METRICS_PORT: 'x',
  })
})
