import type { Program } from './debian.d.mts'

/** How Redis servers are started on this machine. */
export type RedisSource =
  | ({ readonly kind: 'program'; readonly from: string } & Program)
  | { readonly kind: 'docker'; readonly from: string; readonly command: string; readonly image: string }

/** No Redis can be had here; the message says in one sentence what to install. */
export class NoRedisError extends Error {
  readonly code: 'CHASQUI_NO_REDIS'
}

/** Finds a Redis server: PATH, else the distribution's package unpacked into the cache, else Docker. Throws NoRedisError. */
export function obtainRedis(options?: {
  readonly log?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}): Promise<RedisSource>

export interface RedisOptions {
  /** A data folder that outlives the server. Default: a temporary one, removed by `stop`. */
  readonly dir?: string
  /** Default: a free one. */
  readonly port?: number
  /** Redis settings beyond the defaults, as in redis.conf: `{ maxmemory: '64mb', appendfsync: 'everysec' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Told which Redis was chosen. */
  readonly log?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}

/** A Redis of our own: bound to 127.0.0.1, appendonly, fsync always, noeviction; it ends when this process ends, however that happens. */
export interface PrivateRedis {
  readonly url: string
  readonly port: number
  readonly dir: string
  /** Which Redis it is, for people. */
  readonly from: string
  /** Process id of the running server; changes with `restart`. */
  readonly pid: number
  /** Orderly shutdown; a temporary data folder is removed. May be called twice. */
  stop(): Promise<void>
  /** `kill -9`; the data folder stays, `restart` brings the server back. */
  kill(): Promise<void>
  /** Starts again on the same port and data, after `kill` or after an orderly shutdown of its own; resolves when the data is loaded. */
  restart(): Promise<void>
}

/** Obtains and starts a private Redis; resolves when it accepts connections. */
export function startPrivateRedis(options?: RedisOptions): Promise<PrivateRedis>
