#!/usr/bin/env bash
# demo.sh up|down: the operator by its chart, and examples/ensemble.yaml run by it, on the kind cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(e2e/kind/cluster.sh env)"
cluster=${CLUSTER:-zookeeper-operator}
kube() { kubectl --context "kind-$cluster" "$@"; }

status() { kube --namespace demo get zke zk --output "jsonpath={.status.$1}" 2>/dev/null || true; }

wait_until_ready() {
  local deadline=$((SECONDS + 300)) said='' now
  until kube --namespace demo wait zke/zk --for=condition=Ready --timeout=1s > /dev/null 2>&1; do
    now="$(status quorum.summary) members serve; next: $(status nextAction)"
    [ "$now" = "$said" ] || printf '  %s\n' "$now"
    said=$now
    [ "$SECONDS" -lt "$deadline" ] || { kube --namespace demo get zke,pods,events; return 1; }
  done
}

up() {
  local image
  image=$(e2e/kind/operator-image.sh | tail -n 1)
  kube apply --server-side --force-conflicts --filename crds/ > /dev/null
  # The tag stays the same when the image changes: the annotation makes a running operator take it.
  helm upgrade --install zookeeper-operator charts/zookeeper-operator --kube-context "kind-$cluster" \
    --namespace zookeeper-operator --create-namespace --set image.tag=dev --set-string "podAnnotations.image=$image" \
    --wait --timeout 3m > /dev/null
  echo "Operator installed; asking for the ensemble of examples/ensemble.yaml"
  kube apply --filename examples/ensemble.yaml > /dev/null
  wait_until_ready
  echo
  kube --namespace demo get zke
  echo
  echo "Leader:            $(status leader.pod), epoch $(status leader.epoch)"
  echo "Connection string: $(status connectionString)"
  cat <<'TEXT'

Three things to try:
  kubectl --namespace demo exec -it zk-1 -- zkCli.sh             # a session: create /hello world, get /hello, quit
  kubectl --namespace demo delete pod "$(kubectl --namespace demo get zke zk -o jsonpath={.status.leader.pod})"
                                                                 # another leads within two seconds: kubectl get zke -n demo -w
  kubectl --namespace demo scale zke/zk --replicas=5             # two more members, one at a time
TEXT
}

down() {
  kube delete --filename examples/ensemble.yaml --ignore-not-found --timeout=2m
  helm uninstall zookeeper-operator --kube-context "kind-$cluster" --namespace zookeeper-operator \
    --ignore-not-found --wait
  kube delete namespace zookeeper-operator --ignore-not-found
  kube delete --filename crds/ --ignore-not-found
}

case ${1:-} in
  up | down) "$1" ;;
  *) echo "usage: $0 up|down" >&2; exit 2 ;;
esac
