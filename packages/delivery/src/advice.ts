import { meaningOf, ruleFor } from './error-table.ts'
import type { ErrorRule, FollowUp } from './error-table.ts'

/** A failure in words for people: what the code means and what somebody can do about it. */
export type Explanation = { readonly meaning: string; readonly whatToDo: string }

/** Statuses may leave the code out; then 0 stands for it. No send is ever rejected with the real code 0. */
const NO_CODE = 0

/** What a code that ended a recipient, by an answer or by a `failed` status, means and asks for. */
export function explain(code: number): Explanation {
  if (code === NO_CODE)
    return { meaning: 'failed, and Meta named no reason', whatToDo: 'nothing; look at it if there are many' }
  return { meaning: meaningOf(code), whatToDo: BY_CODE.get(code) ?? adviceOf(ruleFor(code, 400)) }
}

/** Where more is known than what kind of failure it is. From Meta's own advice on its error code page. */
const BY_CODE: ReadonlyMap<number, string> = new Map([
  [100, 'compare the template with the parameters sent; send a few recipients first'],
  [130403, 'nothing: the person is on the suppression list'],
  [130429, 'nothing: sending slows down by itself; lower messagesPerSecond if it stays'],
  [130472, 'nothing: sending again gives the same answer'],
  [130497, 'leave out that country for this account'],
  [131000, 'nothing; write to Meta support with the time if there are many'],
  [131008, 'fill in what the template needs'],
  [131009, 'wait ten minutes after a template is made or was idle for a week; else compare its parameters'],
  [131014, 'mend the header media link, or upload the media'],
  [131021, "take the business' own number out of the list"],
  [131026, 'take the number out of the list; it may be tried again after some weeks'],
  [131042, 'see to the payment method or the credit line of the account in Meta Business Suite'],
  [131047, 'see to it that the campaign sends an approved template'],
  [131048, "wait, and look at the number's quality: people mark its messages as spam"],
  [131049, 'wait a day at least before marketing is sent to this person again; leave out numbers of the United States'],
  [131050, 'nothing: the person is on the suppression list'],
  [131053, 'look at the type, the size and the address of the header media'],
  [131055, 'accept the MM Lite terms, and see to it that the template is a marketing one'],
  [131056, 'send less often to the same person'],
  [131064, 'wait until Meta lifts the limit; put templates into the right category'],
  [132000, "compare the number of the template's parameters with those of the campaign"],
  [132001, 'see to it that the template is approved in this language, and is named as in Meta Business Suite'],
  [132005, 'shorten the texts that are filled in'],
  [132007, 'write a template that keeps the policy'],
  [132008, "compare the format of the template's parameters with the columns"],
  [132012, "compare the format of the template's parameters with the columns"],
  [132015, 'wait until Meta releases the template, and look at what people say of it'],
  [132016, 'make a new template'],
  [132069, 'mend the flow; it goes on in an hour'],
  [134100, 'look whether Meta has moved the template into another category'],
  [134101, 'wait ten minutes'],
  [134102, "look at the account's marketing_messages_onboarding_status; write to Meta support"],
])

function adviceOf({ follow, scope }: ErrorRule): string {
  return SCOPED[scope] ?? BY_KIND[follow.kind]
}

const SCOPED: Readonly<Partial<Record<ErrorRule['scope'], string>>> = {
  token: "see to the access token's validity and permissions",
  account: 'look at the account in Meta Business Suite',
  phone: 'look at the number in WhatsApp Manager',
  app: 'nothing: it is tried again; look at the status page of Meta if it stays',
  template: 'look at the template, its media and its flow in WhatsApp Manager',
}

const BY_KIND: Readonly<Record<FollowUp['kind'], string>> = {
  throttle: 'nothing: sending slows down by itself',
  rest: 'nothing: it is tried again',
  retry: 'nothing: it was tried again and refused again',
  reject: 'compare the recipient and the message with what the meaning says',
  suppress: 'nothing: the person is on the suppression list',
  hold_campaign: 'mend the template, then resume the campaign',
  block_sender: 'mend the account or the number',
  unknown: 'nothing: whether it was sent is not known',
}
