# Sourced by e2e/run when CLUSTER=DIR made the cluster: how to break it and mend it. Processes that are started again here belong to
# this run, which ends them itself before the cluster is taken down.

component_pid() { # NAME
    if [ -e "$WORK/pid-$1" ]; then cat "$WORK/pid-$1"; else "$CLUSTER/cluster" status 2>/dev/null | awk -v name="$1" '$1 == name && /running/ { print $NF }'; fi
}
component_down() { # NAME
    local pid; pid=$(component_pid "$1")
    [ -n "$pid" ] && [ -e "/proc/$pid/cmdline" ] || { fail "no $1"; return; }
    cp "/proc/$pid/cmdline" "$WORK/cmdline-$1"
    kill -9 "$pid"
    while [ -e "/proc/$pid/cmdline" ] && [ -s "/proc/$pid/cmdline" ]; do sleep 0.1; done
}
component_up() { # NAME
    local command; mapfile -d '' command <"$WORK/cmdline-$1"
    setsid nohup "${command[@]}" >>"$WORK/$1.log" 2>&1 </dev/null &
    echo $! >"$WORK/pid-$1"
    disown $!
}
restart_component() { component_down "$1" && sleep 2 && component_up "$1"; }
end_components() {
    local file
    for file in "$WORK"/pid-*; do [ -e "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
    return 0
}

api_server_down() { component_down kube-apiserver; }
api_server_up() {
    component_up kube-apiserver
    api_ready() { kubectl get --raw /readyz >/dev/null 2>&1; }
    eventually 90 api_ready || { fail "the API server does not come back"; return; }
}

etcd_compact() {
    local etcd revision
    etcd=$(tr '\0' '\n' <"$WORK/cmdline-kube-apiserver" | sed -n 's/^--etcd-servers=//p')
    revision=$(curl -sf -X POST "$etcd/v3/kv/range" -d '{"key":"AA=="}' | jq -er .header.revision) || return
    curl -sf -X POST "$etcd/v3/kv/compaction" -d "{\"revision\":\"$revision\",\"physical\":true}" >/dev/null
}

watch_restarts() { ask /metrics | awk '/^hostagent_watch_restarts_total/ { n += $2 } END { print n + 0 }'; }
watch_restarted() { [ "$(watch_restarts)" -gt "$1" ]; }

# The machine's clock, by what does not jump with it: set back, it is where it would have been.
clock_ahead() { # SECONDS
    local now up; read -r up _ </proc/uptime; now=$(date +%s.%N)
    awk "BEGIN { printf \"%.3f\", $now - $up }" >"$WORK/booted"
    date -s "@$(awk "BEGIN { printf \"%.3f\", $now + $1 }")" >/dev/null
}
clock_back() {
    [ -e "$WORK/booted" ] || return 0
    local up; read -r up _ </proc/uptime
    date -s "@$(awk "BEGIN { printf \"%.3f\", $(cat "$WORK/booted") + $up }")" >/dev/null
    rm "$WORK/booted"
}
