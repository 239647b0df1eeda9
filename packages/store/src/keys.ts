/**
 * Every key Chasqui keeps in Redis, one function a key. All keys of a campaign share a hash tag, as do all keys of a
 * sender, so that a script finds its keys in one slot of a Redis Cluster.
 */
export class Keys {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** hash: the campaign's record (spec, status, reason, times, chunk count). */
  readonly campaign = (id: string): string => `${this.prefix}:{c:${id}}:campaign`
  /** hash: every number of the campaign's report; written only by scripts, together with what they count. */
  readonly counts = (id: string): string => `${this.prefix}:{c:${id}}:counts`
  /** string: one ledger byte an ordinal. */
  readonly states = (id: string): string => `${this.prefix}:{c:${id}}:states`
  /** string: one byte of facts an ordinal; grows when the first status of a region comes. */
  readonly facts = (id: string): string => `${this.prefix}:{c:${id}}:facts`
  /** string: one byte an ordinal of what was told of its price besides the two marketing categories; mostly absent. */
  readonly prices = (id: string): string => `${this.prefix}:{c:${id}}:prices`
  /** hash: claim token -> the ordinals it still holds. */
  readonly claims = (id: string): string => `${this.prefix}:{c:${id}}:claims`
  /** zset: claim token -> end of its lease, ms. */
  readonly leases = (id: string): string => `${this.prefix}:{c:${id}}:leases`
  /** hash: process -> how many claims it has made of the campaign; what tells it that Redis has gone backwards. */
  readonly claimants = (id: string): string => `${this.prefix}:{c:${id}}:claimants`
  /** zset: ordinal -> when its retry is due, ms; only recipients that wait. */
  readonly retries = (id: string): string => `${this.prefix}:{c:${id}}:retries`
  /** zset: ordinal -> when the attempt began whose answer is lost, ms; 0: it will not be sent again. */
  readonly unknowns = (id: string): string => `${this.prefix}:{c:${id}}:unknowns`
  /** zset: chunk -> when somebody should look at it next, ms. A chunk with nothing left to do is not in it. */
  readonly agenda = (id: string): string => `${this.prefix}:{c:${id}}:agenda`
  /** zset: chunk -> when the last of its messages that may have been accepted has outlived its template's TTL, ms. */
  readonly lapses = (id: string): string => `${this.prefix}:{c:${id}}:lapses`
  /** hash: runs of request errors, by code, and what was heard of whom; absent until there is one. */
  readonly refusals = (id: string): string => `${this.prefix}:{c:${id}}:refusals`
  /** hash: ordinal -> bits of its proven attempts, where its ledger byte does not tell them. */
  readonly proofs = (id: string): string => `${this.prefix}:{c:${id}}:proofs`
  /** string: one compressed chunk of recipients. */
  readonly chunk = (id: string, chunk: number): string => `${this.prefix}:{c:${id}}:chunk:${chunk}`
  /** string, a minute: a copy of ledger bytes at one instant, to be counted in pieces. */
  readonly copy = (id: string, copyId: string): string => `${this.prefix}:{c:${id}}:copy:${copyId}`
  /** base of the number set that makes deduplication exact: `…:meta` and `…:<bucket>`. */
  readonly numbers = (id: string): string => `${this.prefix}:{c:${id}}:numbers`
  /** hash: answers of the last appends of one upload, for replays: sequence -> result. */
  readonly upload = (id: string, uploadId: string): string => `${this.prefix}:{c:${id}}:upload:${uploadId}`
  /** set, ten days: digests of the replies of one day (since 1970) that were counted. */
  readonly replies = (id: string, day: number): string => `${this.prefix}:{c:${id}}:replies:${day}`
  /** zset: the runs of a recurring campaign -> when each was due, ms. */
  readonly runs = (id: string): string => `${this.prefix}:{c:${id}}:runs`

  /**
   * The keys of a campaign whose number does not grow with it, its record first: they go together when its time is over. A
   * new kind of key belongs here, or it outlives its campaign.
   */
  readonly ofCampaign = (id: string): string[] => [
    this.campaign(id),
    this.counts(id),
    this.states(id),
    this.facts(id),
    this.claims(id),
    this.leases(id),
    this.claimants(id),
    this.retries(id),
    this.unknowns(id),
    this.agenda(id),
    this.lapses(id),
    this.prices(id),
    this.proofs(id),
    this.refusals(id),
    this.runs(id),
  ]

  /** zset: every campaign, by creation time. */
  readonly campaigns = (): string => `${this.prefix}:{registry}:campaigns`
  /** zset: campaigns that workers and exporters look at -> when they ended, ms; +inf while they are alive. */
  readonly alive = (): string => `${this.prefix}:{registry}:alive`
  /** zset: campaigns -> when somebody should next look for messages that have outlived their TTL, ms. */
  readonly lapsing = (): string => `${this.prefix}:{registry}:lapsing`
  /** string: which status-worker looks for them. */
  readonly lapseSweeper = (): string => `${this.prefix}:{registry}:lapse-sweeper`
  /** string: which producer lets campaigns go whose time has come. */
  readonly retention = (): string => `${this.prefix}:{registry}:retention`
  /** hash: `epoch`, and why claims are quarantined: the guard against a Redis gone backwards. */
  readonly heart = (): string => `${this.prefix}:{registry}:heart`
  /** string: how often this process has beaten; its own, so that nobody else drives it on. */
  readonly beat = (member: string): string => `${this.prefix}:{registry}:beat:${member}`
  /** string: why everything is stopped; absent: it is not. */
  readonly stopped = (): string => `${this.prefix}:{registry}:stopped`
  /** string: which status-worker exports the shared gauges. */
  readonly exporter = (): string => `${this.prefix}:{registry}:exporter`
  /** string, 24 h: the answer given under an Idempotency-Key. */
  readonly idempotency = (digest: string): string => `${this.prefix}:{i:${digest}}:idempotency`

  /** hash: the sender's pacing: when its next slot is free, its learned limit. */
  readonly rate = (sender: string): string => `${this.prefix}:{s:${sender}}:rate`
  /** hash: what the provider tells of the sender: its number as people see it, its messaging limit. */
  readonly senderFacts = (sender: string): string => `${this.prefix}:{s:${sender}}:facts`
  /** hash: replies and clicks by kind. */
  readonly echoes = (sender: string): string => `${this.prefix}:{s:${sender}}:echoes`
  /** set, ten days: digests of the replies and clicks of one day (since 1970) that were counted. */
  readonly echoesSeen = (sender: string, day: number): string => `${this.prefix}:{s:${sender}}:echoes:${day}`
  /** zset: how its webhooks flow: `until` -> the latest event folded, ms; for the gate of resending. */
  readonly webhookFlow = (sender: string): string => `${this.prefix}:{s:${sender}}:webhooks`
  /** hash: when a status-worker last took webhooks (`seen`), and since when their silence means something (`steady`), ms. */
  readonly receiver = (): string => `${this.prefix}:{webhooks}:receiver`
  /** hash, kept for some days: `refused|failed:<code>` -> how often on that day (from 1970), UTC. */
  readonly failures = (sender: string, day: number): string => `${this.prefix}:{s:${sender}}:failures:${day}`
  /** hash, and base of more: the index of message ids, `<base>:<segment>:<bucket>`: hash of an id -> its recipient. */
  readonly messageIds = (sender: string): string => `${this.prefix}:{s:${sender}}:ids`
  /** hash: hash of a message id that is not known yet -> the statuses that wait for it. */
  readonly parked = (sender: string): string => `${this.prefix}:{s:${sender}}:parked`
  /** zset: the same ids -> since when, ms. */
  readonly parkedSince = (sender: string): string => `${this.prefix}:{s:${sender}}:parked:since`
  /** set: those of them that are known by now. */
  readonly parkedReady = (sender: string): string => `${this.prefix}:{s:${sender}}:parked:ready`
  /** hash: why the sender must not send now: reason -> JSON. */
  readonly blocks = (sender: string): string => `${this.prefix}:{s:${sender}}:blocks`

  /** base of the number set of opt-outs that operators gave; all of them are in `suppressions` too. */
  readonly listed = (): string => `${this.prefix}:{suppressions}:listed`

  /** base of the number set of opt-outs, whoever gave them: the one that is asked before a send. */
  readonly suppressions = (): string => `${this.prefix}:{suppressions}:numbers`

  /** hash: the last word of a person about marketing: number -> `time:stop|resume`. */
  readonly preferences = (): string => `${this.prefix}:{suppressions}:preferences`

  /** hash: the last word about a template or an account: subject -> `time:stop|resume`. */
  readonly notices = (): string => `${this.prefix}:{registry}:notices`

  /** stream: accepted webhook bodies, the raw truth that facts are folded from. */
  readonly webhookLog = (): string => `${this.prefix}:{webhooks}:log`
  /** stream, bounded: what could not be decoded or matched, with the reason. */
  readonly deadLetters = (): string => `${this.prefix}:{webhooks}:dead`
  /** hash: digest of a dead letter -> its id, so that none lies there twice; `bytes` is what all of them take. */
  readonly deadLetterIndex = (): string => `${this.prefix}:{webhooks}:dead:index`
}
