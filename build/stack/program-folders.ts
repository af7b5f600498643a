/** Hidden folders that other programs keep keys, tokens, histories or profiles in. */
const HIDDEN = [
  ...['ssh', 'gnupg', 'pki', 'password-store', 'op', 'age', 'sops', 'step', 'keybase', 'tor'],
  ...[
    'aws',
    'azure',
    'oci',
    'gcloud',
    'bluemix',
    'aliyun',
    'kube',
    'minikube',
    'helm',
    'vault',
    'pulumi',
    'terraform.d',
  ],
  ...['ansible', 'chef', 'databricks', 'snowflake', 'snowsql', 'heroku', 'netlify', 'vercel', 'fly', 'wrangler'],
  ...['docker', 'git', 'subversion', 'npm', 'yarn', 'bun', 'deno', 'cargo', 'rustup', 'm2', 'gradle', 'ivy2', 'sbt'],
  ...[
    'gem',
    'bundle',
    'composer',
    'nuget',
    'dotnet',
    'jupyter',
    'ipython',
    'cloudflared',
    'ngrok',
    'android',
    'vscode',
  ],
  ...[
    'vscode-server',
    'cursor',
    'claude',
    'codex',
    'gemini',
    'mozilla',
    'thunderbird',
    'var',
    'purple',
    'signal',
    'wine',
  ],
  ...['bitcoin', 'litecoin', 'monero', 'ethereum', 'solana', 'electrum', 'clawdock'],
].map((name) => name.replace('.', '\\.'));

const PROGRAM_FOLDERS = [
  new RegExp(`/\\.(?:${HIDDEN.join('|')})(?:/|$)`, 'i'),
  // Each program has a folder in these, named after it. Source: XDG Base Directory Specification
  /\/\.(?:config|cache|local\/share|local\/state)(?:\/?$|\/(?![^/]*(?:claw|molt))[^/]+)/i,
  /\/\.local(?:\/?$|\/(?!(?:share|state)(?:\/|$)))/i,
  /^\/Users\/[^/]+\/Library\/(?:(?:Keychains|Preferences|Cookies|Mail|Safari)(?:\/|$)|Application Support\/(?![^/]*(?:[Cc]law|[Mm]olt)))/,
];

/** Whether a folder is one of another program, or inside of one. @param folder without `..`: `/home/me/.ssh/` */
export const isOfOtherProgram = (folder: string): boolean => PROGRAM_FOLDERS.some((pattern) => pattern.test(folder));
