# Sourced by e2e/run: how the tests ask, act and judge. Every judgement waits with a deadline and says what it saw.

fail() { echo "    $*" >&2; return 1; }

# eventually SECONDS COMMAND...: until it succeeds; its last words are shown when it does not.
eventually() {
    local end=$((SECONDS + $1)) said; shift
    until said=$("$@" 2>&1); do
        if ((SECONDS >= end)); then echo "$said" >&2; return 1; fi
        sleep 0.5
    done
}

ready_pod() { # NAMESPACE SELECTOR: the name of a ready pod on the node that is not about to end
    kubectl get pods -n "$1" -l "$2" --field-selector "spec.nodeName=$NODE" -o json | jq -er '[.items[] | select(.metadata.deletionTimestamp == null)
        | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))][0].metadata.name // empty'
}
agent() { ready_pod host-agent app.kubernetes.io/name=host-agent; }
sensor() { ready_pod security app=sensor; }
pod_ip() { kubectl get pod -n "$1" "$2" -o jsonpath='{.status.podIP}'; }

# ask PATH: the agent's answer on loopback. On the node itself where the suite can, so that it works without the API server too.
ask() {
    if [ -n "$CLUSTER" ]; then "$CLUSTER/cluster" sh "$NODE" curl -sf -m 5 "http://127.0.0.1:9460$1"; return; fi
    local port=$((20000 + RANDOM % 20000)) pid code=0
    kubectl port-forward -n host-agent "$(agent)" "$port:9460" >/dev/null 2>&1 & pid=$!
    for _ in $(seq 50); do curl -sf -m 5 "http://127.0.0.1:$port$1" && { kill $pid; wait $pid 2>/dev/null; return 0; }; code=$?; sleep 0.1; done
    kill $pid; wait $pid 2>/dev/null
    return $code
}
metric() { # NAME{LABELS}: its value
    ask /metrics | awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }'
}
resident() { echo $(($(metric process_resident_memory_bytes | awk '{ printf "%.0f", $1 }') / 1048576)); } # MiB
metric_is() { local is; is=$(metric "$1") || { fail "no $1"; return; }; [ "$is" = "$2" ] || fail "$1 is $is, not $2"; }
delivered() { metric hostagent_frames_delivered_total; }

# The pods that must be captured, from the API server alone, and those that are, from the agent alone.
wanted_pods() {
    local spaces; spaces=$(kubectl get namespaces -l mirror=on -o json | jq -c '[.items[].metadata.name]')
    kubectl get pods -A --field-selector "spec.nodeName=$NODE" -o json | jq -r --argjson spaces "$spaces" '.items[]
        | select(.metadata.namespace as $n | $spaces | index($n)) | select(.spec.hostNetwork != true) | select(.status.phase == "Running" and .status.podIP != null)
        | select(.metadata.deletionTimestamp == null) | .metadata.namespace + "/" + .metadata.name' | sort
}
captured_pods() { ask /status | jq -r '.pods[] | select(.state == "captured") | .namespace + "/" + .name' | sort; }
same_pods() {
    local want is; want=$(wanted_pods) && is=$(captured_pods) || { fail "could not ask"; return; }
    [ -n "$want" ] || { fail "nothing is wanted: the suite's own pods are missing"; return; }
    [ "$want" = "$is" ] || fail "coverage differs (< wanted, > captured): $(diff <(echo "$want") <(echo "$is") | grep '^[<>]' | head -n 5 | tr '\n' ' ')"
}
balanced_now() {
    ask /status | jq -e '.ledger | (.seen > 0) and (.inFlight == 0) and (.seen == .delivered + ([.losses[]] | add))' >/dev/null \
        || fail "ledger: $(ask /status | jq -c .ledger)"
}

web_request() { kubectl exec -n e2e-in client -c main -- curl -sf -m 5 -o /dev/null "http://$(pod_ip e2e-in server):8080/" 2>/dev/null; }

sniff() { # NAMESPACE POD COUNT SECONDS: what it printed
    local out=$WORK/sniffed pid
    kubectl exec -n "$1" "$2" -c main -- timeout "$4" tcpdump -i eth0 -nn -l -c "$3" udp port 4789 >"$out" 2>/dev/null & pid=$!
    while kill -0 $pid 2>/dev/null; do web_request; sleep 0.2; done
    wait $pid 2>/dev/null
    cat "$out"
}
sensor_sees() {
    local said ip; ip=$(pod_ip e2e-in client)
    said=$(sniff security "$(sensor)" 10 10)
    grep -q 'VXLAN, flags \[I\] (0x08), vni 1' <<<"$said" || { fail "the sensor saw no VXLAN: $(head -c 300 <<<"$said")"; return; }
    grep -qF "$ip" <<<"$said" || fail "the sensor saw nothing of the client, $ip"
}

# right: the end of every test. The agent must be there, cover exactly the right pods, deliver new frames, and balance.
right() {
    local before after
    eventually 60 agent >/dev/null || { fail "no agent is ready"; return; }
    eventually 60 metric_is hostagent_sensor_up 1 || return
    eventually 30 same_pods || return
    before=$(delivered) || { fail "the agent does not answer"; return; }
    eventually 20 sensor_sees || return
    after=$(delivered) && ((after > before)) || { fail "nothing was delivered: $before, then $after"; return; }
    eventually 20 balanced_now
}

restarts() { kubectl get pods -n host-agent -o json | jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0'; }

captured_has() { captured_pods | grep -qxF "$1"; }

# All bytes of the agent's connections to the API server that are open now; a connection that ended takes its count along.
api_bytes() {
    "$CLUSTER/cluster" sh "$NODE" ss -Htinp state established | awk '/host-agent/ { ours = 1; next } ours { while (match($0, /bytes_(sent|received):[0-9]+/)) {
        split(substr($0, RSTART, RLENGTH), part, ":"); n += part[2]; $0 = substr($0, RSTART + RLENGTH) } ours = 0 } END { print n + 0 }'
}

pods_on_the_node() { # DEPLOYMENT COUNT: idle pods in scope
    kubectl create -f - >/dev/null <<Y
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "$1", "namespace": "e2e-in"}, "spec": {"replicas": $2, "selector": {"matchLabels": {"app": "$1"}},
 "template": {"metadata": {"labels": {"app": "$1"}}, "spec": {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": false, "nodeSelector": {"kubernetes.io/hostname": "$NODE"},
  "containers": [{"name": "main", "image": "$TOOLS_IMAGE", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}]}}}}
Y
}
pods_gone() { # DEPLOYMENT
    kubectl delete deployment "$1" -n e2e-in >/dev/null
    none_left() { [ "$(kubectl get pods -n e2e-in -l "app=$1" -o name | wc -l)" = 0 ]; }
    eventually 200 none_left "$1" || fail "pods of $1 do not end"
}
