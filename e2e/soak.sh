# Sourced by e2e/run: whatever a node goes through, at random and all at once, and what must not grow meanwhile.

# Web requests that never cease, until the pod is told.
soak_traffic() {
    kubectl exec -n e2e-in client -c main -- sh -c "rm -f /tmp/stop; until [ -e /tmp/stop ]; do curl -sf -m 2 -o /dev/null http://$(pod_ip e2e-in server):8080/; done" >/dev/null 2>&1
}

soak_act() { # NUMBER: one of them
    local other
    case $(($1 % 8)) in
    0 | 1 | 2) kubectl scale deployment soak -n e2e-in --replicas=$((RANDOM % 16)) >/dev/null ;;
    3) kubectl label namespace e2e-in mirror- >/dev/null; sleep $((RANDOM % 3)); kubectl label namespace e2e-in mirror=on >/dev/null ;;
    4) other=$(sensor) && kubectl delete pod -n security "$other" --wait=false >/dev/null ;;
    5) kubectl exec -n e2e-in client -c main -- iperf3 -c "$(pod_ip e2e-in server)" -t $((1 + RANDOM % 4)) -P $((1 + RANDOM % 4)) >/dev/null 2>&1 ;;
    6) set_policy "$SOAK_POLICY
# $RANDOM" ;;
    7) if [ -n "$CLUSTER" ] && ((RANDOM % 3 == 0)); then api_server_down && sleep $((RANDOM % 10)); api_server_up; fi ;;
    esac
    return 0
}

soak_ends() { # TRAFFIC-PID: no traffic, no pods, the policy as it was
    kubectl exec -n e2e-in client -c main -- touch /tmp/stop >/dev/null 2>&1; wait "$1"
    set_policy "$SOAK_POLICY"
    pods_gone soak
}

# What an agent that has nothing to do holds, a while after it had: MiB and descriptors (an assembly that was loaded holds two).
soak_holds() {
    sleep 20
    echo "$(resident) $(metric process_open_fds)"
}

soak_log_errors() { # whether there are some, or cannot be looked for
    local log; log=$(kubectl logs -n host-agent "$(agent)") || return 0
    grep -E '"LogLevel":"(Error|Critical)"|Z (fail|crit): ' <<<"$log"
}
