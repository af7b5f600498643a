import { cosignSigner, ownOrTrusted, parseSigning } from '../../attest/signature.ts';
import { parseVersionTag } from '../../gateway/version.ts';
import { type Problem, problemWith, RequestError, requestError } from '../../problem.ts';
import { CHANNEL_NAMES, channelOf, isChannel, LONGEST_REASON } from '../../release/channel-decision.ts';
import { findRecord } from '../../release/find-record.ts';
import { preparePromotion, promote } from '../../release/promote.ts';
import { promotionMarkdown, promotionReport } from '../../report/release-reports.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { currentActor } from '../../workflow-run.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { PUBLISH_OPTIONS, parseMinutes } from './publish.ts';
import { RELEASE_OPTIONS, requireAllRegistries, requireRegistries } from './release-options.ts';
import { requireTrust, TRUST_OPTIONS } from './trust-options.ts';

const PROMOTE_OPTIONS = {
  to: {
    flags: '--to <release>',
    description: 'published release that the channel is to name; must be given',
    example: '--to 2026.9.5',
  },
  reason: {
    flags: '--reason <text>',
    description: 'why; it is recorded, and shown to everybody who asks why the channel is not at the newest release',
    example: "--reason 'sign-in fails since 2026.9.6'",
  },
  yes: { flags: '--yes', description: 'move the tags; without it, they are only listed' },
  registries: RELEASE_OPTIONS.registries,
  sign: PUBLISH_OPTIONS.sign,
  ...TRUST_OPTIONS,
  wait: PUBLISH_OPTIONS.wait,
  json: BUILD_OPTIONS.json,
} as const;

type PromoteOptions = OptionValues<typeof PROMOTE_OPTIONS>;

export const promoteCommand = defineCommand({
  name: 'promote',
  description: 'move a channel to a published release, for example back from a bad one',
  options: PROMOTE_OPTIONS,
  help: `
Lists the tags of the channel first; --yes moves them, by digest, on all registries, which must all have the release. The release must
match its record. Newer releases count as withdrawn: they do not move the channel again, and the next stable release does.
Exit codes: 0 listed or moved, 1 refused or failed, 2 the request is not valid.

Examples:
  scripts/run release promote latest --to 2026.9.5 --reason 'sign-in fails since 2026.9.6'
  scripts/run release promote latest --to 2026.9.5 --reason 'sign-in fails since 2026.9.6' --sign cosign.key --yes`,
  run,
}).argument('<channel>', `channel: ${CHANNEL_NAMES.join(', ')}; all its variants move`);

/** @throws RequestError with every problem */
function parsePromotion(channel: string, { to, reason = '' }: PromoteOptions) {
  const problems: Problem[] = [];
  const chosen = isChannel(channel) ? channel : undefined;
  if (chosen === undefined) {
    const hint = `choose from ${CHANNEL_NAMES.join(', ')}; main follows the branch`;
    problems.push(problemWith('<channel>', channel, 'is not a channel that can be decided', hint));
  }
  if (to === undefined || parseVersionTag(to) === undefined) {
    const hint = 'name a published release: --to 2026.9.5 or --to 2026.9.5-r20260401';
    problems.push(problemWith('--to', to ?? '', to === undefined ? 'is missing' : 'is not a release', hint));
  } else if (chosen !== undefined && channelOf(to) !== chosen) {
    const own = channelOf(to);
    const reasonOf = own === undefined ? 'is a prerelease, which belongs to no channel' : `belongs to ${own}`;
    problems.push(problemWith('--to', to, reasonOf, `name a release of ${chosen}`));
  }
  const text = reason.trim();
  const isPlain = !/\p{Cc}/u.test(text) && text.length <= LONGEST_REASON;
  if (text === '' || !isPlain) {
    const hint = "say it in one line: --reason 'sign-in fails since 2026.9.6'";
    const why = text === '' ? 'is missing' : `is not one line of at most ${LONGEST_REASON} characters`;
    problems.push(problemWith('--reason', text.slice(0, 40), why, hint));
  }
  if (chosen === undefined || to === undefined || problems.length > 0) throw new RequestError(problems);
  return { channel: chosen, to, reason: text };
}

async function run(given: string, options: PromoteOptions): Promise<void> {
  const { channel, to, reason } = parsePromotion(given, options);
  const registries = requireRegistries(options.registries);
  const trust = requireTrust(options);
  const signing = parseSigning(options.sign);
  const minutes = parseMinutes(options.wait ?? PUBLISH_OPTIONS.wait.default);
  const consequence = 'run the same command again: tags that moved stay, and the others follow';
  await runCommand({ json: options.json, consequence }, async (command) => {
    const { onStep, signal } = command;
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, signal);
    const signer = await cosignSigner(signing, onStep);
    const check = ownOrTrusted(signer, registry, trust, onStep);
    const record = await findRecord(registry, registries, to, check);
    requireAllRegistries(record, registries);
    requireSigned(record, options);
    const request = { channel, registries, record, reason, by: await currentActor() };
    const isDone = options.yes === true;
    const lockWait = { minutes, onWait: (who: string) => onStep(`waiting for ${who}`) };
    const context = { registry, signer, check, lockWait, onStep };
    const promotion = await (isDone ? promote(request, context) : preparePromotion(request, context));
    return {
      text: () => promotionReport(promotion, isDone),
      json: () => ({ ...promotion, written: isDone }),
      summary: promotionMarkdown(promotion, isDone),
      failed: promotion.tags.some(({ action }) => action === 'conflict'),
    };
  });
}

/** @throws RequestError for a decision that would count on this host only, about a release that counts everywhere */
function requireSigned(
  { signed, name }: { readonly signed: boolean; readonly name: string },
  options: PromoteOptions,
): void {
  if (options.yes !== true || !signed || parseSigning(options.sign) !== undefined) return;
  const reason = `would leave the decision unsigned, but ${name} is signed: other hosts would refuse the decision`;
  throw requestError('--sign', options.sign ?? 'none', reason, 'sign it with the same key: --sign cosign.key');
}
