/** Real Redis, real processes and a breakable wire, for tests, the demo and the benchmarks. */
export { Departures, mostInSecond, type Departure } from './departures.ts'
export { endWithParent } from './end-with-parent.ts'
export { freePort } from './free-port.ts'
export { obtainPrometheus, type PrometheusPrograms } from './prometheus.ts'
export { startRedisCluster, type PrivateRedisCluster } from './redis-cluster.ts'
export { startRedis, type PrivateRedis, type RedisOptions } from './redis.ts'
export { spawnApp, type App, type AppExit, type SpawnAppOptions } from './spawn-app.ts'
export { tcpProxy, type TcpProxy } from './tcp-proxy.ts'
