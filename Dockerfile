# The images of the lab, one target a binary: client, server, consumer, mailer, lab. docker-compose.yml builds them.
#
# Everything comes from the base image's own distribution. What an image adds to its base is one program and the
# shared libraries it links that the base lacks; no shell is needed to run it or to ask for its health.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS build
RUN find / -xdev -name '*.so*' > /base-libraries
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev meson ninja-build pkg-config \
        libcurl4-openssl-dev libesmtp-dev libjansson-dev libmicrohttpd-dev librdkafka-dev libsqlite3-dev libssl-dev zlib1g-dev libjs-dygraphs
COPY . /source
RUN meson setup /build /source -Dtests=false -Dstrip=true --prefix=/usr && \
    ninja -C /build && DESTDIR=/installed meson install -C /build --no-rebuild
# Beside it the directories that are to be this user's in a new volume, since a volume's owner is the image's. They are
# empty: who shares a volume makes what it needs there (ese-core/file_directory.h).
RUN for name in client server consumer mailer lab; do \
        /source/orchestration/compose/fill-image /base-libraries /installed/usr/bin/ese-$name /image/$name || exit 1; \
    done && \
    install -D -t /image/lab/usr/share/ese-lab /source/orchestration/kafka/topics.conf && \
    install -D -t /image/lab/usr/share/javascript/dygraphs /usr/share/javascript/dygraphs/dygraph.min.js && \
    mkdir -p /data/ese/run /data/ese/store

FROM ${BASE_IMAGE} AS party
LABEL org.opencontainers.image.title="ESE lab" org.opencontainers.image.licenses="MIT"
COPY --from=build --chown=10001:10001 /data /var/lib
WORKDIR /var/lib/ese
USER 10001:10001
STOPSIGNAL SIGTERM

FROM party AS client
COPY --from=build /image/client /
HEALTHCHECK CMD ["ese-client", "--health"]
ENTRYPOINT ["ese-client"]

FROM party AS server
COPY --from=build /image/server /
HEALTHCHECK CMD ["ese-server", "--health"]
ENTRYPOINT ["ese-server"]

FROM party AS consumer
COPY --from=build /image/consumer /
HEALTHCHECK CMD ["ese-consumer", "--health"]
ENTRYPOINT ["ese-consumer"]

FROM party AS mailer
COPY --from=build /image/mailer /
HEALTHCHECK CMD ["ese-mailer", "--health"]
ENTRYPOINT ["ese-mailer"]

FROM party AS lab
COPY --from=build /image/lab /
ENV ESE_KAFKA_CONF=/usr/share/ese-lab
HEALTHCHECK CMD ["ese-lab", "watch", "--health"]
ENTRYPOINT ["ese-lab"]
CMD ["watch"]
