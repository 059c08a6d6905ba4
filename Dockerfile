# Kapgate in a container: docs/install.md. Nothing secret is in it: keys come by KAPGATE_ variables or a mounted file.

FROM node:24-bookworm-slim AS build
WORKDIR /kapgate
COPY package.json package-lock.json .npmrc ./
# The native packages bring prebuilt binaries.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY packaging/bundle.js packaging/
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
RUN groupadd --system --gid 990 kapgate \
 && useradd --system --uid 990 --gid kapgate --no-create-home --home-dir /var/lib/kapgate --shell /usr/sbin/nologin kapgate \
 && install -d -o kapgate -g kapgate -m 0700 /var/lib/kapgate \
 && ln -s /opt/kapgate/dist/main.js /usr/local/bin/kapgate
WORKDIR /opt/kapgate
COPY --from=build /kapgate/package.json ./
COPY --from=build /kapgate/node_modules node_modules
COPY --from=build --chmod=755 /kapgate/dist dist
COPY LICENSE ./

# Not here: gateway.toml of the working directory would be taken before the one in /etc/kapgate.
WORKDIR /
USER kapgate
VOLUME /var/lib/kapgate
EXPOSE 9092
STOPSIGNAL SIGTERM
# The process, not Kapacitor: a restart of the gateway mends no Kapacitor.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9193/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["kapgate"]
CMD ["serve"]
