# The base of the sandbox images, pinned by digest. Dependabot refreshes the pin; `npm run image:render` copies it to
# sandbox.Dockerfile.
FROM debian:bookworm-slim@sha256:98f4b71de414932439ac6ac690d7060df1f27161073c5036a7553723881bffbe
