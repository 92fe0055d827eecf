# The commands of the README. Results and binaries go to artifacts/.
.PHONY: demo test bench e2e e2e-api image publish format clean build build-e2e

DURATION ?= 20s
IMAGE ?= host-agent:dev
PROGRAM := artifacts/bin/HostAgent/release/host-agent
E2E := artifacts/bin/HostAgent.E2E/release/HostAgent.E2E
BENCH := artifacts/bin/HostAgent.Bench/release/HostAgent.Bench

# HOLD=--hold keeps it up until Ctrl-C, for its page.
demo: build
	@.ci/packages ip
	@.ci/packages tshark || echo "Without tshark the demo leaves out its last step." >&2
	@$(PROGRAM) demo --duration $(DURATION) $(HOLD)

test:
	@.ci/packages ip libpcap tshark tcpdump curl openssl nft iptables iperf3 ethtool promtool ps chromium node npm kubectl python3
	@.ci/packages nginx redis-server redis-cli dnsmasq dig slapd ldapsearch rabbitmq-server amqp-publish
	@.ci/test

bench: publish
	@.ci/packages ip ethtool libpcap
	@.ci/packages clang || echo "Without clang the system kernel-bpf is left out." >&2
	@log=$$(mktemp); dotnet build bench -c Release --nologo -v quiet >$$log 2>&1 || { cat $$log; rm -f $$log; exit 1; }; rm -f $$log
	@AGENT=artifacts/agent/host-agent $(BENCH) $(ARGS)

# KUBECONFIG=FILE and IMAGE for a cluster that is there, CLUSTER=DIR for scripts that make one; see docs/e2e.md. Given here, they are
# in the program's environment too.
e2e: build-e2e
	@$(E2E) cluster $(TESTS)

# Whatever becomes of it, the API server goes with it.
e2e-api: build-e2e
	@trap 'HostAgent.E2E/control-plane down' EXIT; trap 'exit 1' INT TERM; \
		settings=$$(HostAgent.E2E/control-plane up) && eval "$$settings" && $(E2E) api $(TESTS)

image:
	@.ci/image $(IMAGE)

# artifacts/agent/host-agent, as in the image: native code, where this machine can link it.
publish:
	@.ci/packages gcc zlib.h
	@log=$$(mktemp); dotnet publish HostAgent -c Release --use-current-runtime -o artifacts/agent --nologo -v quiet >$$log 2>&1 || { cat $$log; rm -f $$log; exit 1; }; rm -f $$log

format:
	dotnet format HostAgent.slnx

clean:
	rm -rf artifacts

build:
	@log=$$(mktemp); dotnet build HostAgent -c Release --nologo -v quiet >$$log 2>&1 || { cat $$log; rm -f $$log; exit 1; }; rm -f $$log

build-e2e:
	@log=$$(mktemp); dotnet build HostAgent.E2E -c Release --nologo -v quiet >$$log 2>&1 || { cat $$log; rm -f $$log; exit 1; }; rm -f $$log
