/** Added to PORT and METRICS_PORT for each app, as their defaults are apart: one variable cannot name three ports. */
const OFFSETS: Readonly<Record<string, { port: number; metrics: number }>> = {
  producer: { port: 0, metrics: 0 },
  'send-worker': { port: 0, metrics: 1 },
  'status-worker': { port: 1, metrics: 2 },
  simulator: { port: 999, metrics: 3 },
}

/** One app's environment in the stack: the configured one, the Redis that was started, and ports that do not collide. */
export function environmentOf(app: string, env: NodeJS.ProcessEnv, redisUrl: string | undefined): NodeJS.ProcessEnv {
  const { port, metrics } = OFFSETS[app] ?? { port: 0, metrics: 0 }
  return {
    ...env,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...shifted('PORT', env['PORT'], port),
    ...shifted('METRICS_PORT', env['METRICS_PORT'], metrics),
  }
}

/** 0 stays 0 (a free port for each), and what is no number is left for the app to refuse. */
function shifted(name: string, value: string | undefined, by: number): Record<string, string> {
  if (!value || !/^\d+$/.test(value) || value === '0') return {}
  return { [name]: String(Number(value) + by) }
}
