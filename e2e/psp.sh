# Sourced by e2e/run: what psp/psp.yaml lets in, on a cluster whose API server runs the PodSecurityPolicy plugin.

test_pod_security_policy() {
    manifest | kubectl apply -f - >/dev/null || return
    rejected() { kubectl get events -n host-agent -o json | jq -e 'any(.items[]; .reason == "FailedCreate" and (.message | test("unable to admit pod")))' >/dev/null; }
    eventually 30 rejected || { fail "not rejected without the policy"; return; }
    [ -z "$(kubectl get pods -n host-agent -o name)" ] || { fail "there is a pod"; return; }

    kubectl delete -n host-agent daemonset host-agent >/dev/null
    kubectl apply -f psp/psp.yaml >/dev/null && manifest | kubectl apply -f - >/dev/null || return
    admitted() { [ "$(kubectl get pods -n host-agent -o jsonpath='{.items[0].metadata.annotations.kubernetes\.io/psp}')" = host-agent ]; }
    eventually 30 admitted || { fail "not admitted with the policy"; return; }
    rolled_out || return

    # The same service account gets nothing looser.
    local change
    for change in '.spec.hostPID = true' '.spec.hostIPC = true' '.spec.containers[0].securityContext.privileged = true | del(.spec.containers[0].securityContext.allowPrivilegeEscalation)' \
        '.spec.containers[0].securityContext.capabilities.add += ["SYS_ADMIN"]' '.spec.containers[0].securityContext.allowPrivilegeEscalation = true' \
        '.spec.containers[0].securityContext.readOnlyRootFilesystem = false' '.spec.containers[0].ports[0].hostPort = 22 | .spec.containers[0].ports[0].containerPort = 22' \
        '.spec.volumes += [{"name": "root", "hostPath": {"path": "/"}}]' '.spec.securityContext.seccompProfile.type = "Unconfined"'; do
        as_agent "$change" >/dev/null 2>"$WORK/said" && { fail "admitted: $change"; return; }
        grep -q 'unable to admit pod' "$WORK/said" || { fail "$change: $(cat "$WORK/said")"; return; }
    done
    # A pod that keeps its capabilities is admitted without them: this plugin mends what it can.
    as_agent '.spec.containers[0].securityContext.capabilities.drop = []' 2>"$WORK/said" | jq -e '.spec.containers[0].securityContext.capabilities.drop == ["ALL"]' >/dev/null || { fail "capabilities are kept"; return; }
    as_agent . >/dev/null || { fail "the pod itself, unchanged: $(cat "$WORK/said")"; return; }
}

# As the agent's service account, which gets the right to create pods for the moment of the test. A server-side dry run goes through admission.
as_agent() { # JQ-CHANGE
    kubectl create rolebinding e2e-edit -n host-agent --clusterrole=edit --serviceaccount=host-agent:host-agent --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    kubectl get daemonset -n host-agent host-agent -o json | jq "{apiVersion: \"v1\", kind: \"Pod\", metadata: {name: \"try\", namespace: \"host-agent\"}, spec: .spec.template.spec} | $1" \
        | kubectl create --dry-run=server -o json -f - --as=system:serviceaccount:host-agent:host-agent
}
