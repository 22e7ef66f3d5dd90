#!/usr/bin/env bash
# engine.sh start|stop: a Docker engine of our own, for a Debian machine without one.
# engine.sh prepare: what building the images without a registry needs of this machine.
set -euo pipefail
# shellcheck source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

home=$cache/engine
pid_file=$home/engine.pid
state=/run/zookeeper-operator-engine # short: sockets below it have a limit of 108 characters
cluster_ranges=(10.96.0.0/16 10.244.0.0/16) # kind's services and pods

answers() { docker info > /dev/null 2>&1; }
ours_runs() { [[ -f $pid_file && $(cat "/proc/$(cat "$pid_file")/comm" 2> /dev/null) == dockerd ]]; }

install_packages() {
  local program missing=()
  local -A package=([dockerd]=docker.io [containerd]=containerd [runc]=runc
    [debootstrap]=debootstrap [iptables]=iptables [jq]=jq [ip]=iproute2)
  # One by one: `command -v a b` is content with any of them.
  for program in "${!package[@]}"; do
    command -v "$program" > /dev/null || missing+=("${package[$program]}")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  say "installing ${missing[*]}"
  mkdir -p "$cache"
  quietly "$cache/apt.log" apt-get update
  DEBIAN_FRONTEND=noninteractive quietly "$cache/apt.log" apt-get install -y --no-install-recommends "${missing[@]}"
}

start() {
  if answers; then
    ! ours_runs || fence
    return
  fi
  [[ $(id -u) == 0 && -f /etc/debian_version ]] ||
    die "no Docker engine answers, and one can be started here only by root on Debian: start Docker first"
  install_packages
  ! answers || return 0 # installing may have started a service
  mkdir -p "$home" "$state"
  # A killed engine leaves its pid file; the number may be another process's by now.
  ours_runs || rm -f "$pid_file"
  install -m 755 "$offline/runc" "$home/runc"
  # No resolver: a name the cluster does not know fails at once and is never asked outside.
  setsid dockerd --data-root "$home/data" --exec-root "$state" --pidfile "$pid_file" \
    --add-runtime careful="$home/runc" --default-runtime careful --dns 127.0.0.1 \
    > "$home/log" 2>&1 < /dev/null 9>&- &
  local tries
  for tries in {1..120}; do
    answers && break
    sleep 0.5
  done
  answers || { tail -n 20 "$home/log" >&2; die "the Docker engine did not start within ${tries} half seconds"; }
  fence
  say "started a Docker engine of our own, its data below $home"
}

# Nothing from a container leaves the machine. Another's engine is left alone: its containers may
# have business outside.
fence() {
  local out
  out=$(ip -o route show default | awk '{print $5; exit}')
  if [[ -n $out ]] && ! iptables -C DOCKER-USER -o "$out" -j REJECT 2> /dev/null; then
    iptables -I DOCKER-USER -o "$out" -j REJECT
  fi
  close_ranges
}

# The machine itself never sends a packet for a pod or a service to its router.
close_ranges() {
  local range
  for range in "${cluster_ranges[@]}"; do ip route replace blackhole "$range"; done
}

prepare() {
  [[ $(id -u) == 0 && -f /etc/debian_version ]] || die "images can be built without a registry only by root on Debian"
  [[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || die "the node image built without a registry needs cgroup v1"
  install_packages
  close_ranges
}

stop() {
  ours_runs || return 0
  local range pid
  pid=$(cat "$pid_file")
  kill "$pid"
  while [[ -e /proc/$pid ]]; do sleep 0.2; done
  for range in "${cluster_ranges[@]}"; do ip route del blackhole "$range" 2> /dev/null || true; done
  say "stopped our Docker engine"
}

case ${1:-} in
  start | stop | prepare) "$1" ;;
  *) die "usage: engine.sh start|stop|prepare" ;;
esac
