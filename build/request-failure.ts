/** The reason why a request to a registry (of images, npm, Debian, PyPI) failed. */
export type RequestFailure = 'tls-inspection' | 'rate-limited' | 'registry-denied' | 'registry-error' | 'no-network';

// Many clients report the same failure: Go (BuildKit, Docker), npm, pnpm, apt, pip, curl. apt prints two spaces after a status.
// Numbers match only next to a client's own words: "added 429 packages" is not a failure. More specific patterns come first.
const PATTERNS: Readonly<Record<RequestFailure, RegExp>> = {
  'tls-inspection':
    /SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED|CERTIFICATE_VERIFY_FAILED|SSL certificate problem|x509: |unable to get (?:local )?issuer certificate|unable to verify the first certificate|self[- ]signed certificate|certificate verification failed/i,
  'rate-limited':
    /\b429\s+(?:too many|client error)|status(?: code)?:? 429\b|\bE429\b|FETCH_429\b|HTTP error 429|too many requests|toomanyrequests|pull rate limit/i,
  'registry-denied':
    /\b40[13]\s+(?:unauthorized|forbidden|client error)|status(?: code)?:? 40[13]\b|\bE40[13]\b|FETCH_40[13]\b|HTTP error 40[13]|401 Error, Credentials not correct|(?<!permission )\bdenied: |\baccess denied\b|insufficient_scope|authorization failed|(?:^|: )unauthorized\b|no basic auth credentials/im,
  'registry-error':
    /\b5\d\d\s+(?:internal|bad gateway|service|gateway|server error)|status(?: code)?:? 5\d\d\b|\bE5\d\d\b|FETCH_5\d\d\b|HTTP error 5\d\d|unexpected status[^\n]*: 5\d\d\b/i,
  'no-network':
    /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|\bE(?:CONNECTION|IDLE|RESPONSE|TRANSFER)TIMEOUT\b|FETCH_ERROR\b|temporary failure (?:in name resolution|resolving)|could not resolve (?:host|proxy)\b|could not resolve '[\w.-]+'$|no such host|server misbehaving|name or service not known|(?:network|host) is unreachable|no route to host|connection refused|connection reset by peer|connection timed out|read timed out|(?:connection to \S+|i\/o|handshake) time(?:d )?out|context deadline exceeded|Client\.Timeout exceeded|dial tcp|(?:could not|unable to) connect to|https?:\/\/\S+": EOF|failed to do request/im,
};

/** Recognises a failed request in the output of a client. @returns undefined if there is none */
export const requestFailure = (text: string): RequestFailure | undefined =>
  (Object.keys(PATTERNS) as RequestFailure[]).find((kind) => PATTERNS[kind].test(text));
