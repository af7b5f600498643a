# shellcheck shell=sh
# Tasks that `image:verify --identity` runs in a container as its user. If a task fails, it prints one line that names the task.
set -u
mkdir -p /tmp/probe && cd /tmp/probe || exit
echo '{"id":"probe","configSchema":{"type":"object","additionalProperties":false}}' >openclaw.plugin.json
echo '{"name":"probe","version":"1.0.0","type":"module","bin":"./probe.js","openclaw":{"extensions":["./index.js"]}}' >package.json
echo 'export default { id: "probe", register() {} };' >index.js
printf '#!/usr/bin/env node\nconsole.log("probe works");\n' >probe.js

openclaw --version >/dev/null || { echo 'openclaw --version failed'; exit 1; }
if ! { npm pack --silent && npm install --global --offline --no-audit --no-fund /tmp/probe/probe-1.0.0.tgz; } >/tmp/output 2>&1; then
  echo "npm install --global failed: $(grep -m 2 'error' /tmp/output)"
  exit 1
fi
[ "$(probe)" = 'probe works' ] || { echo 'an installed program is not on PATH'; exit 1; }

# Newer releases ask before they install from a folder.
openclaw plugins install /tmp/probe --force >/tmp/output 2>&1 || openclaw plugins install /tmp/probe >/tmp/output 2>&1 || {
  echo "openclaw plugins install failed: $(tail -n 2 /tmp/output)"
  exit 1
}
openclaw plugins list --json 2>/dev/null | grep -q '"id": *"probe"' || { echo 'the installed plugin is not listed'; exit 1; }
