# The registry, its command line and its witness in one image. Built from the lock file; the second
# stage has neither compilers nor development packages, and runs as a user without rights.
#
#   docker build -t attestry .
#
# The images are pinned by version. Whoever builds for others pins them by digest:
#   --build-arg BUILD_IMAGE=node@sha256:… --build-arg RUN_IMAGE=node@sha256:…
ARG BUILD_IMAGE=node:20.20.2-bookworm
ARG RUN_IMAGE=node:20.20.2-bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# better-sqlite3 has an install script; without it there is no store. Nothing else may run one, so that
# PKCS #11 (pkcs11js) is not in this image: add it to the list where the receipt key is in a token.
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3
COPY tsconfig.json ./
COPY tools ./tools
COPY schemas ./schemas
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${RUN_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json openapi.yaml ./
COPY schemas ./schemas
COPY migrations ./migrations
RUN ln -s /app/dist/cli/main.js /usr/local/bin/attestry \
  && install -d -o node -g node -m 0700 /var/lib/attestry
USER node
WORKDIR /var/lib/attestry
# Nothing of ours needs __proto__, and it has broken servers before. Room for what requests leave behind:
# docs/operating.md, "Speed".
ENV NODE_OPTIONS="--disable-proto=throw --max-semi-space-size=64"
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["attestry"]
CMD ["--help"]
