import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { endWithParent } from '@chasqui/harness'

/** A program that is not ours, running until `stop`, or until this process ends. */
export type Program = { readonly stop: () => Promise<void> }

/** Resolves when the program prints a line like `ready`; rejects with what it printed when it ends before. */
export async function startProgram(command: readonly string[], ready: RegExp): Promise<Program> {
  const { file, args } = endWithParent(command)
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const printed: string[] = []
  const started = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      printed.push(line)
      if (ready.test(line)) started.resolve()
    })
  }
  void exited.then(() => started.reject(new Error(`${command[0]} ended:\n${printed.slice(-20).join('\n')}`)))
  await started.promise
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
