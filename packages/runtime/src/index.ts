/** What every process needs: its environment, its senders, its log, its metrics, its ops port and its end. */
export { common, document, integer, port, text, type Variable } from './variables.ts'
export {
  EnvironmentError,
  exitOnEnvironmentError,
  readEnvironment,
  type Environment,
  type Values,
} from './environment.ts'
export { createLogger, type Logger, type LogLevel } from './logger.ts'
export { createMetrics, type Metrics } from './metrics.ts'
export { connectionEnd } from './connection-end.ts'
export { onShutdown, type ShutdownStep } from './shutdown.ts'
export { FollowedSenders } from './followed-senders.ts'
export { readAccessToken, readSenders, type Sender } from './senders.ts'
export { startOpsServer, type OpsServer, type Readiness } from './ops-server.ts'
export { pause } from './pause.ts'
