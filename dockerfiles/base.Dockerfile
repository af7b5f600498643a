# The base of every image that this project builds, pinned by digest. Dependabot refreshes the pin;
# `npm run image:render` copies it to the other Dockerfiles.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
