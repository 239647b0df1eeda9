import type { Scenario } from './scenario.ts'
import { controlGroup } from './scenarios/control-group.ts'
import { deadlines } from './scenarios/deadlines.ts'
import { serverErrors, tokenExpiry } from './scenarios/endpoint-troubles.ts'
import { frozenLoops, stoppedProcesses } from './scenarios/freezes.ts'
import { fairness } from './scenarios/fairness.ts'
import { killStormKeep, killStormResend } from './scenarios/kill-storm.ts'
import { races } from './scenarios/races.ts'
import { rate } from './scenarios/rate.ts'
import { redisAway } from './scenarios/redis-away.ts'
import { replyCuts } from './scenarios/reply-cuts.ts'
import { rollback } from './scenarios/rollback.ts'
import { rollingRestarts } from './scenarios/rolling-restarts.ts'
import { uploadKills } from './scenarios/upload-kills.ts'
import { webhookOutage } from './scenarios/webhook-outage.ts'
import { mutation } from './mutation/scenario.ts'
import { simulation } from './simulation/scenario.ts'

/** In this order. */
export const SCENARIOS: readonly Scenario[] = [
  simulation,
  killStormKeep,
  killStormResend,
  uploadKills,
  stoppedProcesses,
  frozenLoops,
  replyCuts,
  deadlines,
  races,
  webhookOutage,
  serverErrors,
  tokenExpiry,
  redisAway,
  rollback,
  rate,
  fairness,
  rollingRestarts,
  controlGroup,
  mutation,
]
