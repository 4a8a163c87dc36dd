# A static baton in an image of its own: run it, or take the binary into yours:
#
#     COPY --from=baton /usr/local/bin/baton /usr/local/bin/baton
#     ENTRYPOINT ["/usr/local/bin/baton", "--"]
#
# The base images are arguments, for mirrors and pinned digests.
ARG BUILD_IMAGE=swift:6.3-bookworm
ARG FINAL_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
RUN pkg-config --exists libcap yaml-0.1 \
    || (apt-get update && apt-get install -y --no-install-recommends libcap-dev libyaml-dev pkg-config)
# For --version, as the history is not copied: --build-arg SOURCE_COMMIT=$(git rev-parse --short HEAD)
ARG SOURCE_COMMIT=unknown
ENV SOURCE_COMMIT=${SOURCE_COMMIT}
# What is not copied the manifest need not name: an edit of a test changes no layer.
ENV BATON_WITHOUT_TESTS=1
WORKDIR /source
COPY Package.swift Package.resolved ./
COPY Sources Sources
RUN swift build -c release -Xswiftc -static-executable --product baton \
    && strip -o /tmp/baton .build/release/baton

FROM build AS build-agent
RUN swift build -c release -Xswiftc -static-executable --product baton-agent \
    && strip -o /tmp/baton-agent .build/release/baton-agent

# For sources that come over the network: docker build --target with-agent
FROM ${FINAL_IMAGE} AS with-agent
COPY --from=build /tmp/baton /usr/local/bin/baton
COPY --from=build-agent /tmp/baton-agent /usr/local/bin/baton-agent
ENTRYPOINT ["/usr/local/bin/baton", "--"]

FROM ${FINAL_IMAGE} AS baton
COPY --from=build /tmp/baton /usr/local/bin/baton
ENTRYPOINT ["/usr/local/bin/baton", "--"]
