// `npm run alerts`: promtool on the Prometheus configuration and rules, with a promtool that is got if there is none.

import { spawnSync } from 'node:child_process'
import { obtainPrometheus } from '@chasqui/harness'

const { promtool, from } = await obtainPrometheus(console.log)
console.log(`promtool: ${from}`)
const { status } = spawnSync('sh', ['infra/prometheus/check.sh'], {
  stdio: 'inherit',
  env: { ...process.env, PROMTOOL: promtool },
})
process.exitCode = status ?? 1
