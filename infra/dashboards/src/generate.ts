/** `node infra/dashboards/src/generate.ts`: write the dashboards to infra/grafana/dashboards. */
import { writeDashboards } from './files.ts'

for (const name of await writeDashboards()) console.log(`infra/grafana/dashboards/${name}`)
