/** How Redis or the way to it says that it cannot do anything now; ioredis gives most of these no code of their own. */
const CONNECTION =
  /^(Connection is closed|Command timed out|Stream isn't writeable|Socket timeout|Reached the max retries per request|Failed to refresh slots cache|None of startup nodes|connect E|read E|write E|getaddrinfo)/
const REPLY =
  /^(OOM|LOADING|BUSY|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/

/**
 * Whether an error means that Redis is away, full, loading or refuses writes: nothing is wrong with what was asked, and it
 * may be asked again. Anything else is a defect of ours.
 */
export function isStoreFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'ClusterAllFailedError' ||
    error.name === 'AbortError'
  )
    return true
  return CONNECTION.test(error.message) || REPLY.test(error.message)
}
