/**
 * Webhook bodies in every shape Meta is known to send, with values of our own. A sample's name says what is odd in it.
 */
const PHONE = '106500000000001'
const WABA = '102200000000001'
const WAMID = 'wamid.c2FtcGxl'
const METADATA = { display_phone_number: '15550000001', phone_number_id: PHONE }

export function body(...changes: readonly unknown[]): unknown {
  return { object: 'whatsapp_business_account', entry: [{ id: WABA, time: 1_750_000_000, changes }] }
}

export function change(field: string, value: unknown): unknown {
  return { field, value }
}

export function messages(parts: Readonly<Record<string, unknown>>): unknown {
  return change('messages', { messaging_product: 'whatsapp', metadata: METADATA, ...parts })
}

export function statusBody(status: Readonly<Record<string, unknown>>): unknown {
  return body(messages({ statuses: [{ id: WAMID, timestamp: '1750030073', recipient_id: '16505550100', ...status }] }))
}

const LITE = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing_lite' }
const failedWith = (code: unknown, more: Readonly<Record<string, unknown>> = {}): unknown =>
  statusBody({ status: 'failed', errors: [{ code, title: 'Some title', message: 'Some title', ...more }] })

export const STATUS_SAMPLES = {
  sentWithConversation: statusBody({
    status: 'sent',
    conversation: { id: 'c0ffee', expiration_timestamp: '1750116480', origin: { type: 'marketing_lite' } },
    pricing: LITE,
  }),
  sentWithoutConversation: statusBody({ status: 'sent', pricing: LITE }),
  sentFellBackToCloudApi: statusBody({ status: 'sent', pricing: { ...LITE, category: 'marketing' } }),
  sentWithoutPricing: statusBody({ status: 'sent' }),
  sentMinimal: body(
    change('messages', { statuses: [{ id: 'wamid.min', status: 'sent', pricing: { category: 'marketing_lite' } }] }),
  ),
  deliveredWithMaxPriceCost: statusBody({
    status: 'delivered',
    pricing: { ...LITE, cost: { amount: 0.035, currency: 'USD' } },
  }),
  deliveredToUsername: body(
    messages({
      contacts: [{ profile: { name: 'P', username: '@p', country_code: 'US' }, wa_id: '', user_id: 'user.1' }],
      statuses: [
        { id: WAMID, status: 'delivered', timestamp: '1750030073', recipient_id: '', recipient_user_id: 'user.1' },
      ],
    }),
  ),
  readWithoutDelivered: statusBody({ status: 'read', timestamp: 1_750_030_080 }),
  played: statusBody({ status: 'played' }),
  deleted: statusBody({ status: 'deleted', type: 'message' }),
  ofTomorrow: statusBody({ status: 'folded_by_pigeon', unknown_key: { deep: [1] } }),
  failedIntegerCode: failedWith(131_049, { error_data: { details: 'x' }, href: '/x' }),
  failedStringCode: failedWith('132015'),
  failedWithoutErrors: statusBody({ status: 'failed' }),
  failedWithOddErrors: statusBody({ status: 'failed', errors: [null, 'x', { code: 'abc' }, { code: 131_026 }] }),
  failedWithoutFieldAndObject: {
    entry: [
      {
        changes: [
          {
            value: {
              statuses: [{ id: WAMID, recipient_id: '6590000001', status: 'failed', errors: [{ code: 132_015 }] }],
            },
          },
        ],
      },
    ],
  },
  failedWithInternalData: statusBody({
    status: 'failed',
    internal_1p_only_data: { x: 'y' },
    errors: [{ code: 131_047 }],
  }),
  gupshupPassthrough: {
    object: 'whatsapp_business_account',
    gs_app_id: 'app',
    entry: [
      {
        changes: [
          messages({ statuses: [{ gs_id: 'gs', id: WAMID, status: 'enqueued', timestamp: 1_750_030_073_420 }] }),
        ],
      },
    ],
  },
} as const

const TEMPLATE = {
  message_template_id: 1_689_000_000_000_001,
  message_template_name: 'spring_sale',
  message_template_language: 'en-US',
}

export const NOTICE_SAMPLES = {
  preferenceStop: body(
    change('user_preferences', {
      metadata: METADATA,
      contacts: [{ profile: { name: 'T' }, wa_id: '16505550100', user_id: 'US.1' }],
      user_preferences: [
        {
          wa_id: '16505550100',
          user_id: 'US.1',
          category: 'marketing_messages',
          value: 'stop',
          timestamp: 1_731_705_721,
          signup_id: '1',
        },
      ],
    }),
  ),
  preferenceResume: body(
    change('user_preferences', {
      metadata: METADATA,
      user_preferences: [
        {
          wa_id: '16505550100',
          detail: 'x',
          category: 'marketing_messages',
          value: 'resume',
          timestamp: 1_731_705_721,
        },
      ],
    }),
  ),
  preferenceSignup: body(change('user_preferences', { user_preferences: [{ value: 'signup' }] })),
  button: body(
    messages({
      contacts: [{ profile: { name: 'S' }, wa_id: '16505550100' }],
      messages: [
        {
          context: { from: '15550000001', id: 'wamid.campaign' },
          from: '16505550100',
          id: 'wamid.in',
          timestamp: '1750091045',
          type: 'button',
          button: { payload: 'STOP', text: 'Unsubscribe' },
        },
      ],
    }),
  ),
  unsupportedMessage: body(
    messages({
      messages: [{ from: '1', id: 'w', timestamp: '1750090702', errors: [{ code: 131_051 }], type: 'unsupported' }],
    }),
  ),
  systemMessage: body(
    messages({
      messages: [
        { from: '1', id: 'w', timestamp: '1750269342', system: { type: 'user_changed_number' }, type: 'system' },
      ],
    }),
  ),
  linkClick: body(
    messages({
      user_actions: [
        {
          action_type: 'marketing_messages_link_click',
          timestamp: '1758585590',
          marketing_messages_link_click_data: {
            click_component: 'cta',
            product_id: 'sku',
            click_id: 'click',
            tracking_token: 't',
          },
        },
      ],
    }),
  ),
  landingPageView: body(messages({ user_actions: [{ action_type: 'landing_page_view', timestamp: '1758585600' }] })),
  unknownAction: body(messages({ user_actions: [{ action_type: 'some_future_action', timestamp: '1758585601' }] })),
  valueErrors: body(messages({ errors: [{ code: 130_429, title: 'Rate limit hit', error_data: { details: 'x' } }] })),
  templatePaused: body(
    change('message_template_status_update', {
      ...TEMPLATE,
      event: 'paused',
      reason: 'NONE',
      other_info: { title: 'FIRST_PAUSE', description: 'x' },
    }),
  ),
  templateApproved: body(change('message_template_status_update', { ...TEMPLATE, event: 'APPROVED', reason: null })),
  templateQualityUnderWrongField: body(
    change('message_template_status_update', {
      ...TEMPLATE,
      previous_quality_score: 'GREEN',
      new_quality_score: 'YELLOW',
    }),
  ),
  templateCategoryPending: body(
    change('template_category_update', {
      ...TEMPLATE,
      new_category: 'UTILITY',
      correct_category: 'MARKETING',
      category_update_timestamp: 1_746_169_200,
    }),
  ),
  templateCategoryDone: body(
    change('template_category_update', { ...TEMPLATE, previous_category: 'UTILITY', new_category: 'MARKETING' }),
  ),
  templateEdited: body(
    change('message_template_components_update', {
      ...TEMPLATE,
      message_template_title: 'x',
      message_template_buttons: [],
    }),
  ),
  throughputUpgrade: body(
    change('phone_number_quality_update', {
      display_phone_number: '15550000001',
      event: 'THROUGHPUT_UPGRADE',
      current_limit: 'TIER_UNLIMITED',
    }),
  ),
  capability: body(
    change('business_capability_update', {
      max_daily_conversations_per_business: 2000,
      max_phone_numbers_per_waba: 25,
    }),
  ),
  accountRestricted: body(
    change('account_update', {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1_750_500_000 }],
    }),
  ),
  accountDisabled: body(
    change('account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } }),
  ),
  accountAlert: body(
    change('account_alerts', {
      entity_type: 'BUSINESS',
      alert_info: { alert_severity: 'WARNING', alert_status: 'ACTIVE', alert_type: 'SOMETHING' },
    }),
  ),
  accountReview: body(change('account_review_update', { decision: 'APPROVED' })),
  security: body(
    change('security', { display_phone_number: '15550000001', event: 'PIN_RESET_REQUEST', requester: '1' }),
  ),
  automaticEvents: body(
    change('automatic_events', {
      automatic_events: [{ id: WAMID, event_name: 'Purchase', custom_data: { value: 1 } }],
    }),
  ),
  trackingEvents: body(change('tracking_events', { events: [{ event_name: 'sent', timestamp: 1_504_902_988 }] })),
  fieldOfTomorrow: body(change('carrier_pigeon_update', { pigeons: 3 })),
} as const
