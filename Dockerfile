# The agent's image. Multi-arch: the SDK runs on the builder's own platform and publishes for the target's.
#   docker buildx build --platform linux/amd64,linux/arm64 -t host-agent .
# Pin the two base images by digest in your own registry; the tags are those of .NET 10's long-term support.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
ARG TARGETARCH
# The commit, for hostagent_build_info; there is no git in here. make image gives it.
ARG REVISION
WORKDIR /src
# What links the native program, of which the SDK's image has nothing.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev zlib1g-dev
COPY nuget.config .editorconfig Directory.Build.props Directory.Packages.props ./
COPY HostAgent/HostAgent.csproj HostAgent/
RUN dotnet restore HostAgent --arch $TARGETARCH
COPY HostAgent HostAgent
RUN dotnet publish HostAgent --no-restore --arch $TARGETARCH -c Release -p:DebugType=none -p:SourceRevisionId=$REVISION -o /app

# libpcap for --filter, replay and --capture pcap, with what Debian and Ubuntu link it to (D-Bus, systemd), 4 MB. It is loaded only by what needs it.
# Taken on the target's own platform, from the distribution of the base image below.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS libpcap
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 && mkdir /libs /licences \
    && cp -L "$(ldconfig -p | sed -n 's/.*libpcap\.so\.0\.8 .* => //p')" /libs/ \
    && ldd /libs/libpcap.so.0.8 | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | grep -v '/libc\.so' | xargs -r cp -Lt /libs/ \
    && for lib in /libs/*; do dpkg -S "*/$(basename "$lib")" | cut -d: -f1; done | sort -u \
    | xargs -I{} cp -L --parents /usr/share/doc/{}/copyright /licences/

# No shell, no package manager, no runtime: what the program uses of .NET is in it (HostAgent.csproj). Build the image again when .NET has a
# security update, as with a runtime in the base image.
FROM mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="host-agent" \
      org.opencontainers.image.description="Mirrors the traffic of chosen Kubernetes pods, in VXLAN, to a sensor on the same host" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /app /app
COPY --from=libpcap /libs/ /usr/lib/
COPY --from=libpcap /licences/ /
COPY LICENSE NOTICE /app/
# The diagnostics port would be a socket in /tmp, which is read-only; nobody but root could use it anyway. The hot path allocates nothing,
# so a young generation of 2 MiB (hexadecimal) instead of the CPU's whole cache costs nothing and saves 20 MB. With a heap of its own for
# every thread, glibc's malloc holds several MB more the longer the agent runs.
ENV PATH="/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    DOTNET_EnableDiagnostics=0 \
    DOTNET_GCgen0size=200000 \
    DOTNET_GCConserveMemory=5 \
    MALLOC_ARENA_MAX=2
# Not root, so that whoever just starts it gets no privilege: check works so. The DaemonSet sets runAsUser 0, because Kubernetes gives
# no other user an effective NET_RAW.
USER 1654
ENTRYPOINT ["/app/host-agent"]
CMD ["run"]
