import { type ComposeConfig, composed, nameOfVolume } from './compose-config.ts';

/**
 * The mounts of the gateway, as `docker container inspect` describes those of a container.
 *
 * @param config output of `docker compose config --format json`
 * @returns lines `bind|SOURCE|TARGET|` and `volume||TARGET|NAME`. Paths with `|` or a line end are left out: a shell reads the lines
 */
export function gatewayMounts(config: string): readonly string[] {
  const { services, volumes = {} } = JSON.parse(config) as ComposeConfig;
  return (services['openclaw-gateway']?.volumes ?? []).flatMap(({ type, source = '', target }) => {
    const isVolume = type === 'volume';
    if (source === '' || !(isVolume || type === 'bind')) return [];
    const name = isVolume ? nameOfVolume(source, volumes) : '';
    const parts = [type, isVolume ? '' : source, target, name].map(composed);
    return parts.some((part) => /[|\n]/.test(part)) ? [] : [parts.join('|')];
  });
}
