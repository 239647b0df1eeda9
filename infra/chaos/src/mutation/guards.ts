import { LEDGER, LONG_SIMULATION, SIMULATION, test } from './killer.ts'
import type { Killer } from './killer.ts'

/** One guard taken away in one place, and what must notice. */
export type Mutation = {
  readonly guard: string
  readonly where: string
  readonly edits: readonly Edit[]
  readonly killer: Killer
}

/** `from` stands in the file exactly once, or the guard has moved and this list with it. */
export type Edit = { readonly file: string; readonly from: string; readonly to: string }

const MODEL = 'packages/delivery/src/claims.ts'
const SCRIPTS = 'packages/store/src/scripts'
const CLAIM = `${SCRIPTS}/claim-window.lua`
const SETTLE = `${SCRIPTS}/settle-rows.lua`
const ALLOW_OOM = '#!lua flags=allow-oom\n'
const FULL_MEMORY = test('packages/store/test/full-memory.test.ts')
const MESSAGE_IDS = test('packages/store/test/message-ids.test.ts')
const SENDERS = 'packages/store/test/senders.test.ts'
const SENDING = 'apps/send-worker/test/sending.test.ts'

/**
 * A guard that lives in a script and in its model is taken out of each alone: the differential test must see the one, the
 * laws of the simulation the other, for a model without its guard is what both would be without it.
 */
function both(
  guard: string,
  script: Edit | readonly Edit[],
  model: Edit | readonly Edit[],
  modelKiller: Killer = SIMULATION,
): Mutation[] {
  return [
    { guard, where: 'script', edits: [script].flat(), killer: LEDGER },
    { guard, where: 'model', edits: [model].flat(), killer: modelKiller },
  ]
}

function one(guard: string, where: string, killer: Killer, edit: Edit): Mutation {
  return { guard, where, edits: [edit], killer }
}

export const MUTATIONS: readonly Mutation[] = [
  ...both(
    'a settlement needs the token',
    {
      file: SETTLE,
      from: 'ours = math.min(held_until(row, attempts), same_until(states, row), last)',
      to: 'ours = math.min(same_until(states, row), last)',
    },
    {
      file: MODEL,
      from: 'const ours = claim?.rows.get(row) === attempts && stateOf(byte) === STATE.sending',
      to: 'const ours = stateOf(byte) === STATE.sending',
    },
    LONG_SIMULATION,
  ),
  ...both(
    'what came back unsent is its claim’s no more',
    { file: SETTLE, from: 'if #released > 0 then runs = without_rows(runs, released) end', to: '' },
    { file: MODEL, from: "if (ours && move.kind === 'released') claim.rows.delete(row)", to: '' },
  ),
  ...both(
    'a claim that arrives late does nothing',
    { file: CLAIM, from: "if now - tonumber(ARGV[5]) > tonumber(ARGV[6]) then return { now, 'late' } end", to: '' },
    { file: MODEL, from: "if (ask.now - ask.bornAt > ask.patienceMs) return { kind: 'late' }", to: '' },
  ),
  ...both(
    'a claim needs a campaign that runs',
    {
      file: CLAIM,
      from: "if campaign[1] ~= 'running' then return { now, 'stopped', campaign[1] or 'missing' } end",
      to: '',
    },
    {
      file: MODEL,
      from: "if (ledger.status !== 'running') return { kind: 'stopped', status: ledger.status }",
      to: '',
    },
  ),
  ...both(
    'a claim needs a sender that is not paused',
    { file: CLAIM, from: "if campaign[4] then return { now, 'stopped', 'sender_paused' } end", to: '' },
    { file: MODEL, from: "if (ledger.barred) return { kind: 'stopped', status: 'sender_paused' }", to: '' },
  ),
  ...both(
    'no claim after the last safe moment',
    {
      file: CLAIM,
      from: "if not_after and now + tonumber(ARGV[8]) > not_after then return { now, 'expired' } end",
      to: '',
    },
    {
      file: MODEL,
      from: "if (ledger.notAfter !== null && ask.now + ask.marginMs > ledger.notAfter) return { kind: 'expired' }",
      to: '',
    },
  ),
  ...both(
    'a proven message is not claimed again',
    [
      {
        file: CLAIM,
        from: 'return free and (string.byte(facts, row + 1) or 0) % 32 == 0 and attempts < ATTEMPTS_MAX',
        to: 'return free and attempts < ATTEMPTS_MAX',
      },
      { file: CLAIM, from: 'if byte == FRESH and row < told then', to: 'if byte == FRESH then' },
      { file: CLAIM, from: 'row + most - claimed - 1, told - 1)', to: 'row + most - claimed - 1)' },
    ],
    {
      file: MODEL,
      from: 'return (state === STATE.pending || due) && !proven && attemptsOf(byte) < ATTEMPTS_MAX',
      to: 'return (state === STATE.pending || due) && attemptsOf(byte) < ATTEMPTS_MAX',
    },
    LEDGER,
  ),
  ...both(
    'what is claimed is not claimed by another',
    { file: CLAIM, from: 'local free = state == PENDING\n', to: 'local free = state == PENDING or state == SENDING\n' },
    {
      file: MODEL,
      from: 'return (state === STATE.pending || due) &&',
      to: 'return (state === STATE.pending || state === STATE.sending || due) &&',
    },
  ),
  ...both(
    'a retry waits for its time',
    { file: CLAIM, from: 'free = not due or tonumber(due) <= now', to: 'free = true' },
    {
      file: MODEL,
      from: 'const due = state === STATE.waiting && (ledger.dues.get(ordinal) ?? 0) <= now',
      to: 'const due = state === STATE.waiting',
    },
  ),
  ...both(
    'a ledger that has forgotten claims gives none',
    {
      file: CLAIM,
      from: "if tonumber(redis.call('HGET', KEYS[9], ARGV[9]) or 0) < tonumber(ARGV[10]) then return { now, 'backwards' } end",
      to: '',
    },
    { file: MODEL, from: "if (made < ask.remembered) return { kind: 'backwards' }", to: '' },
    // The worker would notice all the same: the next entry.
    LEDGER,
  ),
  one(
    'a claim’s number that was heard before is not believed',
    'claim-memory.ts',
    test('packages/store/src/claim-memory.test.ts'),
    {
      file: 'packages/store/src/claim-memory.ts',
      from: 'return reply.serial <= asked || holder !== token',
      to: 'return false',
    },
  ),
  ...both(
    'a claim whose lease died becomes unknown, never pending',
    {
      file: `${SCRIPTS}/reap-claims.lua`,
      from: 'edit_run(edit, row, row, 4 + run[3] * 16)',
      to: 'edit_run(edit, row, row, 1 + run[3] * 16)',
    },
    {
      file: MODEL,
      from: `      become(ledger, ordinal, STATE.unknown, attempt)
      ledger.unknowns.add(ordinal)
      ledger.lostSince.set(ordinal, claim.claimedAt)
      lost += 1`,
      to: `      become(ledger, ordinal, STATE.pending, attempt)
      lost += 1`,
    },
  ),
  ...both(
    'resend only while webhooks flow',
    {
      file: `${SCRIPTS}/release-unknowns.lua`,
      from: 'local latest = math.min(now - tonumber(ARGV[1]), flowed)',
      to: 'local latest = now - tonumber(ARGV[1])',
    },
    {
      file: MODEL,
      from: 'const latest = Math.min(ask.now - ask.windowMs, flowed)',
      to: 'const latest = ask.now - ask.windowMs',
    },
    LEDGER,
  ),
  ...both(
    'resend only where the campaign says so',
    { file: `${SCRIPTS}/release-unknowns.lua`, from: " or campaign[2] ~= 'resend' then", to: ' then' },
    {
      file: MODEL,
      from: "if (ledger.status !== 'running' || ledger.onUnknown !== 'resend')",
      to: "if (ledger.status !== 'running')",
    },
    LEDGER,
  ),
  ...both(
    'nobody is sent again whose message no status could tell of',
    { file: `${SCRIPTS}/release-unknowns.lua`, from: "campaign[4] == '1' or ", to: '' },
    { file: MODEL, from: 'ledger.untraced === true || ', to: '' },
    LEDGER,
  ),
  one(
    'at a quiet end nobody is sent again who was tried after what webhooks have told of',
    'quiet-end.ts',
    SIMULATION,
    {
      file: 'packages/delivery/src/quiet-end.ts',
      from: 'until: seen.webhooksUntil',
      to: 'until: now.at',
    },
  ),
  one('nobody is tried again within a day of 131049', 'decide.ts', SIMULATION, {
    file: 'packages/delivery/src/decide.ts',
    from: 'const wait = Math.max(waitMs ?? 0, DAY_MS)',
    to: 'const wait = waitMs ?? 0',
  }),
  one('a status that came before its message id waits for it', 'match-messages.lua', MESSAGE_IDS, {
    file: `${SCRIPTS}/match-messages.lua`,
    from: "redis.call('HSET', KEYS[2], id, cmsgpack.pack(bodies))",
    to: '',
  }),
  one('a message id calls the statuses that wait for it', 'note-messages.lua', MESSAGE_IDS, {
    file: `${SCRIPTS}/note-messages.lua`,
    from: "redis.call('SADD', KEYS[3], id)",
    to: '',
  }),
  one('the fence: no request of an old claim', 'core', test('packages/delivery/src/fence.test.ts'), {
    file: 'packages/delivery/src/fence.ts',
    from: "if (age > CLAIM_AGE_MAX_MS) return 'stale_claim'",
    to: '',
  }),
  one('the fence: no request after the last safe moment', 'core', test('packages/delivery/src/fence.test.ts'), {
    file: 'packages/delivery/src/fence.ts',
    from: "if (notAfter !== null && claimedAt + age + Math.max(0, jump) > notAfter) return 'too_late'",
    to: '',
  }),
  one(
    'the fence: asked at the socket',
    'onRequestStart',
    test('packages/whatsapp/test/endpoint.test.ts', 'is asked when|event loop stood still'),
    {
      file: 'packages/whatsapp/src/endpoint.ts',
      from: 'this.#heldBack = this.#posting.fence()',
      to: 'this.#heldBack = null',
    },
  ),
  one('outcomes are written down at full memory', 'settle-rows.lua', FULL_MEMORY, {
    file: SETTLE,
    from: ALLOW_OOM,
    to: '#!lua\n',
  }),
  one('dead claims are given up at full memory', 'reap-claims.lua', FULL_MEMORY, {
    file: `${SCRIPTS}/reap-claims.lua`,
    from: ALLOW_OOM,
    to: '#!lua\n',
  }),
  one('statuses are folded at full memory', 'fold-facts.lua', FULL_MEMORY, {
    file: `${SCRIPTS}/fold-facts.lua`,
    from: ALLOW_OOM,
    to: '#!lua\n',
  }),
  one('nothing is claimed at full memory', 'claim-window.lua', FULL_MEMORY, {
    file: CLAIM,
    from: '#!lua\n',
    to: ALLOW_OOM,
  }),
  one(
    'the last word about opting out holds',
    'judge-word.lua',
    test('packages/store/test/webhook-log.test.ts', 'words heard'),
    {
      file: `${SCRIPTS}/judge-word.lua`,
      from: 'if tonumber(at) > tonumber(ARGV[2]) then return 0 end',
      to: '',
    },
  ),
  one('opt-outs are asked for after each claim', 'claimed-window.ts', test(SENDING, 'opted out'), {
    file: 'apps/send-worker/src/claimed-window.ts',
    from: 'if (optedOut[index] === false) this',
    to: 'if (optedOut[index] !== null) this',
  }),
  one('a broken connection is trusted only after a beat', 'guard.ts', test('apps/send-worker/src/guard.test.ts'), {
    file: 'apps/send-worker/src/guard.ts',
    from: "this.#become('the connection to Redis has to be checked')",
    to: '',
  }),
  one('a Redis gone backwards is noticed by beats', 'heart.ts', test('apps/send-worker/src/guard.test.ts'), {
    file: 'packages/store/src/heart.ts',
    from: 'return now.epoch < remembered.epoch || now.beat <= remembered.beat',
    to: 'return false',
  }),
  one('a permit is used once a second', 'grant-slots.lua', test(SENDERS, 'from 10 to 1,000'), {
    file: `${SCRIPTS}/grant-slots.lua`,
    from: 'base + tonumber(left) + grant[2]',
    to: 'base + tonumber(left)',
  }),
  one('a permit nobody tells of counts as used at last', 'grant-slots.lua', test(SENDERS, 'its model'), {
    file: `${SCRIPTS}/grant-slots.lua`,
    from: 'bucket_of(slot + LATE + window)',
    to: 'bucket_of(slot + window)',
  }),
  one('what a grant came to is told once', 'grant-slots.lua', test(SENDERS, 'its model'), {
    file: `${SCRIPTS}/grant-slots.lua`,
    from: 'open[tonumber(serial)] = nil',
    to: '',
  }),
  one(
    'what a grant came to is told once',
    'permits.ts (model)',
    test('packages/delivery/src/permits.test.ts', 'twice'),
    {
      file: 'packages/delivery/src/permits.ts',
      from: 'permits.open.delete(told.serial)',
      to: '',
    },
  ),
  one('a slot is used once', 'slot-book.ts', test('packages/delivery/src/slot-book.test.ts'), {
    file: 'packages/delivery/src/slot-book.ts',
    from: 'if (slot.leftUs !== null) return false',
    to: '',
  }),
  one('a suspension counts as time', 'slot-book.ts', test('packages/delivery/src/slot-book.test.ts'), {
    file: 'packages/delivery/src/slot-book.ts',
    from: 'const suspended = Math.max(0, wall - now - skew - WALL_GRAIN_MS)',
    to: 'const suspended = 0',
  }),
  one('a clock set back hides a suspension', 'slot-book.ts', test('packages/delivery/src/slot-book.test.ts'), {
    file: 'packages/delivery/src/slot-book.ts',
    from: '(slot.grant.isOver || wasSetBack(wall - now, slot.grant.skew))',
    to: 'slot.grant.isOver',
  }),
  one('a slot that was told is not used', 'slot-book.ts', test('packages/delivery/src/slot-book.test.ts'), {
    file: 'packages/delivery/src/slot-book.ts',
    from: 'for (const grant of ended) grant.isOver = true',
    to: '',
  }),
]
