# Sourced by e2e/run. One function a test; the line before it says what it needs: "# host", the scripts that make the cluster (CLUSTER=DIR); "# LONG=1"; "# CLOCK=1"; "# SOAK=MINUTES"; "# SURICATA=1".
# In the order of this file; each leaves behind what it found.

# An overlay of deploy/ over what is there, and back to daemonset.yaml.
# Not validated on this side: before Kubernetes 1.22 the network policy's endPort is not known, and the server leaves it out.
overlay() { kubectl kustomize "deploy/$1" | image | kubectl apply --validate=false -f - >/dev/null && rolled_out; }
as_it_is() { kubectl delete -n host-agent daemonset host-agent >/dev/null; manifest | kubectl apply -f - >/dev/null; rolled_out; }

test_deployed_as_it_is() {
    [ "$(kubectl get pod -n host-agent "$(agent)" -o jsonpath='{.spec.containers[0].securityContext.capabilities.add}')" = '["NET_RAW"]' ] || { fail "more than NET_RAW"; return; }
    kubectl exec -n host-agent "$(agent)" -- host-agent check --output json | jq -e '.pods | length > 0' >/dev/null || { fail "check, inside the pod"; return; }
    right
}

test_least_privilege_works() {
    local code=0
    overlay minimal && right || code=1
    [ $code = 0 ] && { curl_node_address /metrics >/dev/null 2>&1 && { fail "the node's address answers"; code=1; }; }
    as_it_is || code=1
    return $code
}

test_lookup_in_network_namespaces_works() {
    local code=0
    overlay netns && right || code=1
    # A pod whose link no other lookup finds is in make test; here, that the overlay is admitted, mounts what it needs and changes nothing for the others.
    kubectl exec -n host-agent "$(agent)" -- host-agent check --output json | jq -e '(.pods | length > 0) and (.pods | all(.state != "unsupported")) and (.warnings | all(test("network namespaces") | not))' >/dev/null || { fail "check, inside the pod"; code=1; }
    as_it_is || code=1
    return $code
}

test_metrics_on_the_node_address_but_not_status() {
    curl_node_address /metrics | grep -q '^hostagent_frames_seen_total ' || { fail "no metrics"; return; }
    [ "$(curl_node_address /status -o /dev/null -w '%{http_code}')" = 403 ] || { fail "/status on the node's address"; return; }
    right
}

test_a_tenant_that_calls_itself_sensor_gets_nothing() {
    local said; said=$(sniff e2e-out rogue 1 6)
    [ -z "$said" ] || { fail "it saw: $(head -c 200 <<<"$said")"; return; }
    ask /status | jq -e --arg ip "$(pod_ip e2e-out rogue)" '.sensor.endpoints | all(.address != $ip)' >/dev/null || { fail "it is an endpoint"; return; }
    right
}

test_namespace_relabelled() {
    kubectl label namespace e2e-in mirror- >/dev/null
    eventually 10 metric_is 'hostagent_pods{state="captured"}' 0 || { kubectl label namespace e2e-in mirror=on >/dev/null; return 1; }
    kubectl label namespace e2e-in mirror=on >/dev/null
    right
}

test_pod_flood() {
    local code=0
    pods_on_the_node flood 30
    kubectl rollout status deployment flood -n e2e-in --timeout=180s >/dev/null || { fail "the flood's pods do not start"; code=1; }
    eventually 30 same_pods || code=1
    pods_gone flood || code=1
    [ $code = 0 ] && right
}

test_eleven_pods_of_which_one_floods() {
    local code=0 to name pids=() ring seen overload
    pods_on_the_node quiet 10
    kubectl run sink -n e2e-out --image="$TOOLS_IMAGE" --restart=Never --overrides="{\"spec\":{\"terminationGracePeriodSeconds\":0,\"nodeSelector\":{\"kubernetes.io/hostname\":\"$NODE\"}}}" -- iperf3 -s >/dev/null
    kubectl rollout status deployment quiet -n e2e-in --timeout=120s >/dev/null && kubectl wait pod --for=condition=Ready -n e2e-out sink --timeout=60s >/dev/null || { fail "the pods do not start"; code=1; }
    eventually 30 same_pods || code=1
    to=$(pod_ip e2e-out sink)
    # Not connected: nobody listens, and a refusal would end it.
    for name in $(kubectl get pods -n e2e-in -l app=quiet -o name); do
        kubectl exec -n e2e-in "$name" -- timeout 25 sh -c "while :; do echo quiet; sleep 0.02; done | socat -u - UDP-SENDTO:$to:9" >/dev/null 2>&1 & pids+=($!)
    done
    kubectl exec -n e2e-in client -c main -- iperf3 -c "$to" -t 16 -P 16 >/dev/null & pids+=($!)
    # Its first moment may overflow the ring; what comes after may not.
    sleep 6
    quiet() { ask /metrics | awk -v name="$1" 'index($1, name) == 1 && /pod="quiet-/ { n += $2 } END { print n + 0 }'; }
    lost() { metric "hostagent_frames_lost_total{reason=\"$1\"}"; }
    ring=$(lost kernel_ring) overload=$(lost overload) seen=$(metric hostagent_frames_seen_total)
    sleep 8
    ring=$(($(lost kernel_ring) - ring)) overload=$(($(lost overload) - overload)) seen=$(($(metric hostagent_frames_seen_total) - seen))
    wait "${pids[@]}" 2>/dev/null
    note "in 8 s of a flood: $seen frames seen, $overload given up, $ring lost in the ring; of ten quiet pods $(quiet hostagent_pod_frames_lost_total) of $(quiet hostagent_pod_frames_total) frames lost"
    [ "$(quiet hostagent_pod_frames_total)" -gt 200 ] || { fail "the quiet pods are hardly seen"; code=1; }
    [ "$(quiet hostagent_pod_frames_lost_total)" = 0 ] || { fail "a quiet pod lost frames"; code=1; }
    ((ring * 100 <= seen)) || { fail "the ring overflows"; code=1; }
    kubectl delete pod -n e2e-out sink --wait=false >/dev/null
    pods_gone quiet || code=1
    [ $code = 0 ] && right
}

test_sensor_rescheduled() {
    local old old_ip; old=$(sensor) && old_ip=$(pod_ip security "$old")
    kubectl delete pod -n security "$old" --wait=false >/dev/null
    moved() { local s; s=$(sensor) && [ "$s" != "$old" ]; }
    eventually 60 moved || { fail "no new sensor"; return; }
    follows() { ask /status | jq -e --arg ip "$(pod_ip security "$(sensor)")" '[.sensor.endpoints[].address] == [$ip]' >/dev/null; }
    eventually 10 follows || { fail "endpoints: $(ask /status | jq -c .sensor)"; return; }
    if [ -n "$CLUSTER" ] && [ "$(pod_ip security "$(sensor)")" != "$old_ip" ]; then
        local seen=$WORK/old-address
        "$CLUSTER/cluster" sh "$NODE" timeout 5 tcpdump -i any -nn -l "udp port 4789 and dst host $old_ip" >"$seen" 2>/dev/null & local pid=$!
        while kill -0 $pid 2>/dev/null; do web_request; sleep 0.2; done
        wait $pid
        grep -qF "$old_ip" "$seen" && { fail "to the old address $old_ip: $(head -n 3 "$seen")"; return; }
    fi
    right
}

test_sensor_killed_for_memory() {
    local pod; pod=$(sensor)
    kubectl exec -n security "$pod" -c main -- touch /tmp/oom
    killed() { kubectl get pod -n security "$pod" -o json | jq -e '.status.containerStatuses[0] | .restartCount > 0 and .lastState.terminated.reason == "OOMKilled"' >/dev/null; }
    eventually 30 killed || { fail "the sensor was not killed"; return; }
    right
}

test_policy_broken_and_mended() {
    local good revision code=0
    good=$(kubectl get configmap -n host-agent host-agent-policy -o json | jq -r '.data["policy.yaml"]')
    revision=$(ask /status | jq -r .policyRevision)
    set_policy "${good/sniff /snif }" # reads: snif
    eventually 150 metric_is hostagent_policy_last_reload_successful 0 || code=1
    [ "$(ask /status | jq -r .policyRevision)" = "$revision" ] || { fail "the broken policy is in force"; code=1; }
    same_pods || code=1
    set_policy "$good"
    eventually 150 metric_is hostagent_policy_last_reload_successful 1 || code=1
    [ $code = 0 ] && right
}

test_memory_limit_under_a_flood_of_traffic() {
    local before; before=$(restarts)
    kubectl exec -n e2e-in client -c main -- iperf3 -c "$(pod_ip e2e-in server)" -t 15 -P 4 >/dev/null || { fail "iperf3"; return; }
    [ "$(restarts)" = "$before" ] || { fail "the agent was killed: $(kubectl get pods -n host-agent -o json | jq -c '[.items[].status.containerStatuses[].lastState]')"; return; }
    note "$(ask /status | jq -c .ledger), resident $(resident) MiB"
    right
}

test_agent_killed() {
    local old; old=$(agent)
    kubectl delete pod -n host-agent "$old" --grace-period=0 --force >/dev/null 2>&1
    fresh() { local a; a=$(agent) && [ "$a" != "$old" ]; }
    eventually 60 fresh || { fail "no new agent"; return; }
    right
}

# host
test_agent_killed_with_9() {
    local before pid; before=$(restarts)
    pid=$("$CLUSTER/cluster" ctr "$NODE" tasks ls | awk -v id="$(kubectl get pod -n host-agent "$(agent)" -o jsonpath='{.status.containerStatuses[0].containerID}' | sed 's#.*//##')" '$1 == id { print $2 }')
    [ -n "$pid" ] || { fail "no process"; return; }
    kill -9 "$pid"
    again() { [ "$(restarts)" -gt "$before" ] && agent >/dev/null; }
    eventually 60 again || { fail "not restarted"; return; }
    right
}

# host
test_api_server_away_for_two_minutes() {
    local before captured; captured=$(captured_pods)
    api_server_down
    before=$(delivered); local end=$((SECONDS + ${AWAY:-120})) code=0
    while ((SECONDS < end)); do
        [ "$(captured_pods)" = "$captured" ] || { fail "coverage changed without the API server"; code=1; break; }
        ask /readyz >/dev/null || { fail "not ready without the API server"; code=1; break; }
        sleep 5
    done
    ask /status | jq -e '.warnings | any(test("no connection to the API server|nothing was heard from the API server"))' >/dev/null || { fail "no warning while the API server is away"; code=1; }
    api_server_up || return
    [ $code = 0 ] && right
}

# host
test_history_compacted_under_the_watch() {
    # Down, changed in etcd's eyes, compacted, up again: the watch's place in history is gone (410).
    kubectl run e2e-gone -n e2e-in --image="$TOOLS_IMAGE" --restart=Never --overrides="{\"spec\":{\"terminationGracePeriodSeconds\":0,\"nodeSelector\":{\"kubernetes.io/hostname\":\"$NODE\"}}}" -- sleep infinity >/dev/null
    eventually 60 captured_has e2e-in/e2e-gone || { kubectl delete pod -n e2e-in e2e-gone --wait=false >/dev/null; fail "the pod is not captured"; return; }
    local restarts_before; restarts_before=$(watch_restarts)
    kubectl delete pod -n e2e-in e2e-gone --wait=false >/dev/null
    api_server_down
    etcd_compact || { api_server_up; fail "etcd does not compact"; return; }
    api_server_up || return
    eventually 60 watch_restarted "$restarts_before" || { fail "the watch was not restarted"; return; }
    right
}

# host
test_kubelet_restarted() {
    restart_component "kubelet-$NODE" || return
    node_ready() { kubectl get node "$NODE" -o json | jq -e 'any(.status.conditions[]; .type == "Ready" and .status == "True")' >/dev/null; }
    eventually 60 node_ready || { fail "the node does not become ready"; return; }
    right
}

test_full_node() {
    local room code=0; room=$(($(kubectl get node "$NODE" -o jsonpath='{.status.allocatable.pods}') - $(kubectl get pods -A --field-selector "spec.nodeName=$NODE" -o name | wc -l)))
    pods_on_the_node full "$room"
    kubectl rollout status deployment full -n e2e-in --timeout=400s >/dev/null || { fail "the node does not fill up"; code=1; }
    [ $code = 0 ] && { right || code=1; }
    note "$(ask /status | jq '.pods | length') pods, resident $(resident) MiB, CPU $(idle_cpu) of a core idle"
    pods_gone full || code=1
    [ $code = 0 ] && right
}

# host
test_what_it_costs_the_api_server() {
    local idle churn
    idle=$(api_bytes); sleep 60; idle=$(($(api_bytes) - idle))
    churn=$(api_bytes)
    pods_on_the_node churn 10
    kubectl rollout status deployment churn -n e2e-in --timeout=120s >/dev/null
    pods_gone churn || return
    churn=$(($(api_bytes) - churn))
    note "to and from the API server: $idle bytes in a minute without change, $churn bytes for 10 pods made and deleted"
    [ "$idle" -ge 0 ] && [ "$idle" -lt 200000 ] || { fail "$idle bytes in an idle minute"; return; }
    right
}

# host, CLOCK=1
test_clock_set_ahead_and_back() {
    local pods code=0; pods=$(captured_pods)
    clock_ahead 1800 || { fail "the clock cannot be set"; return; }
    right || code=1
    clock_back
    [ "$(captured_pods)" = "$pods" ] || { fail "coverage changed with the clock"; code=1; }
    [ $code = 0 ] && right
}

# LONG=1
test_token_expired_and_rotated() {
    # 600 s is the shortest life of a token; the kubelet replaces it after 480.
    kubectl patch daemonset -n host-agent host-agent --type=json -p '[
        {"op": "replace", "path": "/spec/template/spec/automountServiceAccountToken", "value": false},
        {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "token", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}},
        {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-", "value": {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}}]' >/dev/null || return
    rolled_out || return
    sleep 800
    kubectl run late -n e2e-in --image="$TOOLS_IMAGE" --restart=Never --overrides="{\"spec\":{\"terminationGracePeriodSeconds\":0,\"nodeSelector\":{\"kubernetes.io/hostname\":\"$NODE\"}}}" -- sleep infinity >/dev/null
    local code=0
    eventually 60 captured_has e2e-in/late || { fail "a pod made after the token's end is not captured"; code=1; }
    kubectl delete pod -n e2e-in late >/dev/null
    as_it_is || code=1
    [ $code = 0 ] && right
}

# SURICATA=1
test_suricata_beside_the_agent_misses_nothing() {
    local code=0 server suricata page; server=$(pod_ip e2e-in server)
    # Sensors on one node share the flows; this one is to have all of them.
    kubectl scale deployment sensor -n security --replicas=0 >/dev/null
    overlay suricata && kubectl rollout status -n security daemonset/suricata --timeout=180s >/dev/null || { fail "Suricata does not become ready: $(kubectl logs -n security daemonset/suricata --tail=3 2>&1)"; code=1; }
    suricata=$(ready_pod security app.kubernetes.io/name=suricata) || code=1
    alone() { ask /status | jq -e --arg ip "$(pod_ip security "$suricata")" '[.sensor.endpoints[].address] == [$ip]' >/dev/null; }
    eventually 30 alone || { fail "endpoints: $(ask /status | jq -c .sensor)"; code=1; }

    # A page that its HTTP parser follows to the end, and bulk that is captured as super-frames.
    kubectl exec -n e2e-in server -c web -- timeout 30 socat TCP-LISTEN:8081,reuseaddr 'SYSTEM:echo HTTP/1.0 200 OK; echo; head -c 60000 /dev/zero' & page=$!
    kubectl exec -n e2e-in client -c main -- curl -sf -m 20 --retry 10 --retry-connrefused --retry-delay 1 -o /dev/null "http://$server:8081/page" || { fail "no page"; code=1; }
    wait $page
    kubectl exec -n e2e-in client -c main -- iperf3 -c "$server" -n 50M -b 200M >/dev/null || { fail "iperf3"; code=1; }
    # Datagrams as long as the pods' links take reach the sensor's, which is no wider, as two IP fragments each.
    kubectl exec -n e2e-in client -c main -- sh -c "for _ in 1 2 3; do head -c 1472 /dev/zero | socat -u -b 2000 - UDP:$server:9; done" || { fail "socat"; code=1; }

    events() { kubectl exec -n security "$suricata" -- cat /logs/eve.json; }
    saw_page() { events | jq -es --arg server "$server" 'any(.[]; .event_type == "fileinfo" and .src_ip == $server and .http.url == "/page" and .fileinfo.size == 60000 and .fileinfo.state == "CLOSED")' >/dev/null; }
    judged() { events | jq -s '[.[] | select(.event_type == "stats")][-1].stats | {vxlan: .decoder.vxlan, reassembled: .defrag.ipv4.reassembled, doubts: {invalid: .decoder.invalid, checksum: .tcp.invalid_checksum, gaps: .tcp.reassembly_gap, dropped: .capture.kernel_drops}}'; }
    satisfied() { judged | jq -e '.vxlan > 30000 and .reassembled >= 3 and (.doubts | all(. == 0))' >/dev/null; } # 50 MiB are 36,000 segments
    eventually 30 saw_page || { fail "Suricata saw no whole page"; code=1; }
    eventually 30 satisfied || { fail "Suricata says $(judged | jq -c .)"; code=1; }

    kubectl delete -n security daemonset/suricata configmap/suricata >/dev/null
    kubectl scale deployment sensor -n security --replicas=1 >/dev/null
    as_it_is || code=1
    [ $code = 0 ] && right
}

# SOAK=MINUTES
test_everything_at_once_for_long() {
    local before memory fds after end traffic code=0 acts=0
    before=$(restarts)
    SOAK_POLICY=$(kubectl get configmap -n host-agent host-agent-policy -o json | jq -r '.data["policy.yaml"]')
    # The first acts compile what the others will use.
    pods_on_the_node soak 5; soak_traffic & traffic=$!
    for act in 0 3 4 5 6 0 3 4 5; do soak_act $act; sleep 5; done
    soak_ends $traffic || code=1
    read -r memory fds <<<"$(soak_holds)"
    pods_on_the_node soak 5; soak_traffic & traffic=$!
    end=$((SECONDS + 60 * SOAK))
    while ((SECONDS < end)); do
        soak_act $RANDOM; sleep $((RANDOM % 8))
        ((++acts % 25)) || echo "    after $acts acts: $(resident) MiB, $(metric process_open_fds) descriptors, $(ask /status | jq -c '.ledger | {seen, delivered, inFlight, losses: (.losses | with_entries(select(.value > 0)))}')"
    done
    soak_ends $traffic || code=1
    after=$(soak_holds)
    note "$acts acts in $SOAK minutes: $memory MiB and $fds descriptors before, $after after; $(ask /status | jq -c .ledger)"
    [ "$(restarts)" = "$before" ] || { fail "the agent was restarted"; code=1; }
    ((${after% *} <= memory * 5 / 4)) || { fail "its memory grew"; code=1; }
    ((${after#* } <= fds + 20)) || { fail "its descriptors grew in number"; code=1; }
    ask /status | jq -e '.ledger.losses | (.fault // 0) == 0 and (.malformed // 0) == 0' >/dev/null || { fail "frames lost as fault or malformed"; code=1; }
    soak_log_errors && { fail "errors in its log"; code=1; }
    [ $code = 0 ] && right
}
