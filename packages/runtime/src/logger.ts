import { pino, type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino'
import { redact, redactText } from './redact.ts'

export type { Logger }
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/**
 * A pino logger that writes one JSON line a message to stdout, and nothing private: see redact.ts.
 *
 * Redaction is by key at any depth and not by pino's paths, which must name each depth; a line is rare enough to afford the walk.
 */
export function createLogger(
  { name, level }: { name: string; level: LogLevel },
  destination: DestinationStream = stdout(),
): Logger {
  const logger = pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label: string) => ({ level: label }),
        log: (fields: Record<string, unknown>) => redact(fields) as Record<string, unknown>,
      },
      // redact() has turned errors into plain fields by now; pino's own serializer would take them for something else.
      serializers: { err: (value: unknown) => value },
      hooks: { streamWrite: redactText },
    },
    destination,
  )
  // pino formats the fields of a child without `formatters`. Children inherit this override.
  const child = Reflect.get(logger, 'child') as unknown as (...args: unknown[]) => Logger
  function redactingChild(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): Logger {
    return Reflect.apply(child, this, [redact(bindings), options])
  }
  return Object.assign(logger, { child: redactingChild })
}

/** Synchronous: lines keep their order, and the last ones before a crash are the ones that matter most. */
const stdout = (): DestinationStream => pino.destination({ fd: 1, sync: true })
