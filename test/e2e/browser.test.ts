// @module-tag nightly
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { docker, inImage, run } from '../support/command.ts';

// The test machine cannot reach Playwright's own downloads. The mirror in this test serves the same paths, but with
// Debian's Chromium, and with the libraries that only Debian's Chromium needs.
const IMAGE = 'openclaw-image-test:playwright';
const SOURCE = 'openclaw-image-test:sandbox-for-mirror';

/** Writes chrome.zip, shell.zip and ffmpeg.zip to /out. The shell is Chromium without a screen; nothing in this test records videos. */
const PACK = `set -e
mkdir -p /tmp/chrome/chrome-linux64/lib /tmp/shell/chrome-headless-shell-linux64 /tmp/ffmpeg
cd /tmp/chrome/chrome-linux64
cp -r /usr/lib/chromium/. .
ldd chromium | awk '$3 ~ /^\\// && $3 !~ /lib(c|m|dl|pthread|rt)\\.so/ { print $3 }' | xargs -I{} cp -L {} lib/
cat >chrome <<'SH'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/lib exec "$here/chromium" "$@"
SH
cat >/tmp/shell/chrome-headless-shell-linux64/chrome-headless-shell <<'SH'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")"/../../chromium-*/chrome-linux64/chrome --headless "$@"
SH
printf '#!/bin/sh\\nexit 1\\n' >/tmp/ffmpeg/ffmpeg-linux
chmod +x chrome /tmp/shell/*/* /tmp/ffmpeg/*
# Stored, and not compressed: the mirror is on this machine.
for name in chrome shell ffmpeg; do (cd /tmp/$name && python3 -c 'import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for folder, _, files in os.walk("."):
        for file in files: archive.write(os.path.join(folder, file))' /out/$name.zip); done
chmod a+r /out/*.zip`;

const FILES: readonly (readonly [path: RegExp, file: string])[] = [
  [/\/chrome-linux64\.zip$/, 'chrome.zip'],
  [/\/chrome-headless-shell-linux64\.zip$/, 'shell.zip'],
  [/\/ffmpeg-linux\.zip$/, 'ffmpeg.zip'],
];
let folder = '';
const requestedPaths: string[] = [];
const mirror = createServer((request, response) => {
  requestedPaths.push(request.url ?? '');
  const file = FILES.find(([path]) => path.test(request.url ?? ''))?.[1];
  if (file === undefined) response.writeHead(404).end();
  else createReadStream(join(folder, file)).pipe(response.writeHead(200));
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-mirror-'));
  await chmod(folder, 0o755);
  const built = await run(['sandbox', 'browser', '--tag', SOURCE, '--json']);
  expect(built.exitCode, built.stderr).toBe(0);
  const packed = await docker('run', '--rm', '--user=0', `--volume=${folder}:/out`, SOURCE, 'sh', '-c', PACK);
  expect(packed.exitCode, packed.stderr).toBe(0);
  await new Promise<void>((resolve) => void mirror.listen(0, resolve));
});
afterAll(async () => {
  mirror.close();
  await docker('image', 'rm', IMAGE, SOURCE);
  await rm(folder, { recursive: true, force: true });
});

it("includes the Chromium for the gateway's Playwright, from PLAYWRIGHT_DOWNLOAD_HOST, in the folder where Playwright looks for it", async () => {
  const { stdout: gateway } = await docker(
    ...['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}'],
  );
  const host = `http://${gateway}:${(mirror.address() as AddressInfo).port}`;
  const { exitCode, stdout, stderr } = await run(['build', '--browser', 'playwright', '--tag', IMAGE, '--json'], {
    env: { PLAYWRIGHT_DOWNLOAD_HOST: host },
  });
  expect(exitCode, stderr + stdout).toBe(0);
  expect(requestedPaths).toContainEqual(expect.stringMatching(/\/chrome-linux64\.zip$/));
  const names = (JSON.parse(stdout) as { layers: { name: string }[] }).layers.map(({ name }) => name);
  expect(names.indexOf('browser')).toBeLessThan(names.indexOf('dependencies'));
  // Uses the gateway's own Playwright, as the user node, without settings.
  const script = `const { chromium } = require("/app/node_modules/playwright-core");
(async () => {
  const browser = await chromium.launch({ args: ["--no-sandbox"] }), page = await browser.newPage();
  await page.setContent("<h1 id=a></h1><script>a.textContent = 6 * 7</script>");
  console.log(JSON.stringify({ text: await page.textContent("h1"), path: chromium.executablePath(), uid: process.getuid(), owner: require("fs").statSync(chromium.executablePath()).uid }));
  await browser.close();
})()`;
  const rendered = await inImage(IMAGE, `node -e '${script}'; command -v Xvfb`);
  expect(rendered.exitCode, rendered.stderr).toBe(0);
  const [json = '', xvfb] = rendered.stdout.split('\n');
  expect(JSON.parse(json)).toEqual({
    text: '42',
    path: expect.stringMatching(/^\/home\/node\/\.cache\/ms-playwright\/chromium-\d+\/chrome-linux64\/chrome$/),
    uid: 1000,
    owner: 1000,
  });
  expect(xvfb).toBe('/usr/bin/Xvfb');
});

it('reports a failed download', async () => {
  const { exitCode, stderr } = await run(['build', '--browser', 'playwright', '--tag', `${IMAGE}-missing`], {
    env: { PLAYWRIGHT_DOWNLOAD_HOST: 'http://127.0.0.1:9' },
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('stage browser-download');
});
