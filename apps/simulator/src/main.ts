import { createLogger, EnvironmentError, exitOnEnvironmentError, onShutdown, readEnvironment } from '@chasqui/runtime'
import { defaultConfig, patchConfig } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { patchOf, secretOf, variables } from './environment.ts'
import type { SimulatorEnvironment } from './environment.ts'
import { presetPatch } from './preset.ts'
import { Simulator } from './simulator.ts'

const env = environment()
const logger = createLogger({ name: 'simulator', level: env.LOG_LEVEL })
const simulator = new Simulator({
  host: env.HOST,
  port: env.PORT,
  config: env.config,
  secret: secretOf(env),
  ledgerMax: env.SIMULATOR_LEDGER_MAX,
})
onShutdown({ logger, deadlineMs: 5_000, steps: [{ name: 'simulator', run: () => simulator.close() }] })
const port = await simulator.listen()
logger.info({ port, metricsPort: null, scenario: env.SIMULATOR_SCENARIO, seed: env.SIMULATOR_SEED }, 'ready')

function environment(): SimulatorEnvironment & { readonly config: SimulatorConfig } {
  try {
    const values = readEnvironment(variables, process.env)
    return { ...values, config: configOf(values) }
  } catch (error) {
    return exitOnEnvironmentError(error)
  }
}

/** Defaults, then the scenario, then the variables, then `SIMULATOR_CONFIG`. */
function configOf(values: SimulatorEnvironment): SimulatorConfig {
  const patches = [presetPatch(values.SIMULATOR_SCENARIO), patchOf(values), values.SIMULATOR_CONFIG ?? {}]
  return patches.reduce((config: SimulatorConfig, patch) => {
    const result = patchConfig(config, patch)
    if (result.ok) return result.config
    throw new EnvironmentError(
      result.issues.map(
        ({ path, found, message }) =>
          `SIMULATOR_CONFIG: found ${path || 'the whole'} = ${JSON.stringify(found)}, allowed: ${message}`,
      ),
    )
  }, defaultConfig())
}
