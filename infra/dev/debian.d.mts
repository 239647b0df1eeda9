/** A program and the environment it needs besides the caller's own. */
export interface Program {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

/** Where Chasqui keeps what it unpacked: `$XDG_CACHE_HOME/chasqui`, else `~/.cache/chasqui`. */
export function cacheFolder(env?: NodeJS.ProcessEnv): string

/** The full path of an executable on PATH, or null. */
export function findOnPath(name: string, env?: NodeJS.ProcessEnv): Promise<string | null>

/**
 * Unpacks packages into the cache folder, with the libraries this machine lacks, once for all processes.
 *
 * Null where there is no apt; throws when a download or the unpacked program fails.
 */
export function obtainFromDebian(options: {
  /** Names the cache folder. */
  readonly name: string
  readonly packages: readonly string[]
  /** The program to look for, relative to the root of the package: `usr/bin/redis-server`. It must understand `--version`. */
  readonly program: string
  readonly log?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}): Promise<(Program & { readonly folder: string }) | null>
