// Exit 0 when the app in this container is ready. The simulator has no METRICS_PORT and answers on its own.
const { METRICS_PORT, PORT } = process.env
const url = METRICS_PORT ? `http://127.0.0.1:${METRICS_PORT}/readyz` : `http://127.0.0.1:${PORT}/_simulator/livez`
const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => null)
process.exit(response?.ok ? 0 : 1)
