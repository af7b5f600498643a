import {
  type ChannelOverview,
  type RegistryOverview,
  type ReleaseOverview,
  signatureText,
} from '../../release/registry-overview.ts';
import { isDrift } from '../../release/release-status.ts';
import { shortDigest } from '../release-reports.ts';
import { dataTable, folded, type Html, html } from './html.ts';

/** Tags × registries of each release, the channels, and who signed what. */
export function registriesSection({ registries, releases, channels }: RegistryOverview): Html {
  const drift = releases.flatMap(({ tags }) => tags).filter(isDrift).length;
  const problems = [...releases, ...channels].filter(({ problem }) => problem !== undefined).length;
  const known = releases.filter(({ problem }) => problem === undefined).length;
  return html`<section id="registries" aria-labelledby="registries-title">
    <h2 id="registries-title">Registries</h2>
    <p class="large">
      ${
        releases.length === 0
          ? 'These registries have no record of a release.'
          : drift === 0
            ? `All tags of ${known} ${known === 1 ? 'release' : 'releases'} are as recorded.`
            : html`<span class="state wrong">${drift} ${drift === 1 ? 'tag differs' : 'tags differ'}</span> from the record of its release.`
      }
      ${problems > 0 && html` <span class="state wrong">${problems} ${problems === 1 ? 'problem' : 'problems'}</span>`}
    </p>
    <h3>Channels</h3>
    ${channelTable(registries, channels)} ${channels.map(history)}
    <h3>Releases</h3>
    ${releases.map((release) => releaseTable(registries, release))}
  </section>`;
}

const channelTable = (registries: readonly string[], channels: readonly ChannelOverview[]): Html =>
  dataTable(
    'Channels',
    ['channel', ...registries, 'decision'],
    channels.map(({ channel, now, decision, problem }) => [
      channel,
      ...registries.map((registry): Html => {
        const current = now.find((entry) => entry.registry === registry);
        return current?.digest === undefined
          ? 'does not exist'
          : html`${current.version || 'unknown version'} <code>${shortDigest(current.digest)}</code>`;
      }),
      problem !== undefined
        ? html`<span class="state wrong">${problem}</span>`
        : decision === undefined
          ? channel === 'main'
            ? 'follows the branch'
            : 'follows the newest release'
          : `${decision.release} was chosen on ${decision.decided.slice(0, 10)} by ${decision.by}: ${decision.reason}`,
    ]),
  );

const history = ({ channel, history: moves }: ChannelOverview): Html =>
  moves.length === 0
    ? undefined
    : folded(
        `History of ${channel}`,
        dataTable(
          `History of ${channel}`,
          ['date', 'release', 'by'],
          moves.map(({ date, release, by }) => [date.slice(0, 10), release, by]),
        ),
      );

function releaseTable(registries: readonly string[], release: ReleaseOverview): Html {
  const { name, created, tags, repair, signature, problem, updates } = release;
  const names = [...new Set(tags.map(({ tag }) => tag))];
  const drift = tags.filter(isDrift);
  return html`<article class=${drift.length > 0 || problem !== undefined || signature?.status === 'failed' ? 'drift' : ''}>
    <h4>${name}${created !== '' && html` <small>${created.slice(0, 10)}</small>`}</h4>
    ${problem !== undefined && html`<p class="state wrong">${problem}</p>`}
    ${tags.length > 0 && html`<p class=${signature?.status === 'failed' ? 'state wrong' : ''}>${signatureText(signature)}</p>`}
    ${
      tags.length > 0 &&
      dataTable(
        `Tags of ${name}`,
        ['tag', ...registries],
        names.map((tag) => [
          tag,
          ...registries.map((registry): Html => {
            const found = tags.find((entry) => entry.tag === tag && entry.registry === registry);
            if (found === undefined) return '';
            const kind = isDrift(found) ? 'wrong' : found.state === 'ok' ? 'right' : 'past';
            return html`<span class=${`state ${kind}`}>${found.state}</span> ${
              found.now !== undefined && html`<code>${shortDigest(found.now)}</code>`
            } ${found.why !== '' && html`<small>${found.why}</small>`}`;
          }),
        ]),
      )
    }
    ${repair !== undefined && html`<p>Repair them with: <code class="command">${repair}</code></p>`}
    ${
      updates !== undefined &&
      folded(
        updates.length === 0
          ? 'Debian has no newer version of a package'
          : `Debian has newer versions of ${updates.length} packages, ${updates.filter(({ security }) => security).length} of them for security`,
        dataTable(
          `Newer versions for ${name}`,
          ['package', 'installed', 'Debian has', ''],
          updates.map(({ name: of, installed, available, security, ofBase }) => [
            of,
            installed,
            available,
            [...(security ? ['security'] : []), ...(ofBase ? ['comes with a newer base'] : [])].join(', '),
          ]),
        ),
      )
    }
  </article>`;
}
