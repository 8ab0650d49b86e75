# The lab's processes: how each is started, found again and ended. Sourced by lab.sh.
# Every process runs in one of the lab's namespaces; $RUN/pid/NAME holds its id and start time, so that a reused
# process id is never signalled.

NGINX_UID=64101
ORIGIN_UID=64102

# Nothing for a process that has ended, also while nobody has waited for it yet.
start_time() { awk '{sub(/^.*\) /, ""); if ($1 != "Z") print $20}' "/proc/$1/stat" 2>/dev/null; }

# spawn NAME NODE COMMAND…: in the background, its output in $RUN/log/NAME.log.
spawn() {
  local name=$1 node=$2
  shift 2
  setsid nsenter --net="/run/netns/$(ns "$node")" "$@" >>"$RUN/log/$name.log" 2>&1 </dev/null &
  echo "$! $(start_time $!)" >"$RUN/pid/$name"
}

# spawn_here NAME COMMAND…: the same, outside the lab's namespaces; for what this machine's own programs need.
spawn_here() {
  local name=$1
  shift
  setsid "$@" >>"$RUN/log/$name.log" 2>&1 </dev/null &
  echo "$! $(start_time $!)" >"$RUN/pid/$name"
}

# The process id of a running service; fails when it isn't running.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$RUN/pid/$1" || return 1
  [[ -n $started && $(start_time "$pid") == "$started" ]] || return 1
  echo "$pid"
}

running() { pid_of "$1" >/dev/null; }

# stop_service NAME [SIGNAL]: ends it within three seconds, whatever it takes.
stop_service() {
  local name=$1 signal=${2:-TERM} pid tries
  if pid=$(pid_of "$name"); then
    kill -s "$signal" "$pid" 2>/dev/null
    for ((tries = 0; tries < 150; tries++)); do
      running "$name" || break
      sleep 0.02
    done
    running "$name" && kill -s KILL "$pid" 2>/dev/null
  fi
  rm -f "$RUN/pid/$name"
}

stop_everything() {
  local file name pid
  for file in "$RUN"/pid/*; do  # all at once, so that their last seconds pass together
    [[ -e $file ]] && pid=$(pid_of "${file##*/}") && kill -s TERM "$pid" 2>/dev/null
  done
  for file in "$RUN"/pid/*; do
    [[ -e $file ]] && stop_service "${file##*/}"
  done
  for name in $(lab_namespaces); do  # children that outlived their parents; the namespaces are the lab's own
    for pid in $(ip netns pids "$name" 2>/dev/null); do
      kill -s KILL "$pid" 2>/dev/null
    done
  done
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || return 1
    sleep 0.05
  done
}

# fail_with_logs MESSAGE NAME…: shows the ends of the services' logs, which don't outlive a lab that failed to start.
fail_with_logs() {
  local message=$1 name
  shift
  for name in "$@"; do
    [[ -s $RUN/log/$name.log ]] && tail -n 5 "$RUN/log/$name.log" | sed "s/^/$name: /" >&2
  done
  fail "$message"
}

helper() { echo "$PYTHON -m bwlab.$1"; }

# as_user UID: what to put before a command that needs no privileges.
as_user() { echo "setpriv --reuid=$1 --regid=$1 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"; }

nginx_directory() {
  local directory=$1 uid=$2
  mkdir -p "$directory/tmp"
  sed -e "s|@PROTECTED4@|$PROTECTED4|g; s|@PROTECTED6@|$PROTECTED6|g; s|@ORIGIN4@|$ORIGIN4|g" \
    -e "s|@ORIGIN_PORT@|$ORIGIN_PORT|g; s|@REGION@|$4|g" "$LAB_DIR/$3" >"$directory/nginx.conf"
  chown -R "$uid:$uid" "$directory"
}

start_nginx() {  # NAME NODE UID CONFIGURATION REGION
  local name=$1 node=$2 uid=$3 conf=$4
  nginx_directory "$RUN/$name" "$uid" "$conf" "$5"
  # shellcheck disable=SC2046
  spawn "$name" "$node" $(as_user "$uid") nginx -p "$RUN/$name" -c nginx.conf -e stderr
}

start_gateway() { start_nginx "$(node nginx "$1")" "$(node edge "$1")" "$NGINX_UID" edge.nginx.conf "$1"; }

start_services() {
  local region
  start_nginx origin origin "$ORIGIN_UID" origin.nginx.conf ""
  for region in "${REGIONS[@]}"; do start_gateway "$region"; done
}

# serves_visitors REGION: what visitors of the region see.
serves_visitors() {
  in_node "$(node visitors "$1")" "$PYTHON" -c \
    "import urllib.request as r; r.urlopen('http://$PROTECTED4/', timeout=1); r.urlopen('http://[$PROTECTED6]/', timeout=1)"
}

require_service() {
  local region
  for region in "${REGIONS[@]}"; do
    wait_for 10 serves_visitors "$region" ||
      fail_with_logs "the web page doesn't answer through the edge${region:+ to visitors in $region}" origin "$(node nginx "$region")"
  done
}

# point NAME NODE SOURCES DESTINATIONS: counted at the node's up0; points of one name add up.
point() { points+=(--point "$1" "$(ns "$2")" up0 "$3" "$4"); }

# What is counted in a fleet carries its region's name: attack_sent_eu.
start_meter() {
  local -a points=()
  local kind region tail name
  for region in "${REGIONS[@]}"; do
    tail=${region:+_$region}
    point "attack_sent$tail" "$(node attacker "$region")" "$ATTACKERS4" "$PROTECTED_PREFIX4"
    point "attack_sent$tail" "$(node attacker "$region")" "$ATTACKERS6" "$PROTECTED_PREFIX6"
    for kind in visitors edge; do
      name=clean_sent$tail
      [[ $kind == visitors ]] || name=clean_passed$tail
      point "$name" "$(node $kind "$region")" "$VISITORS4" "$PROTECTED_PREFIX4"
      point "$name" "$(node $kind "$region")" "$NEIGHBOURS4" "$PROTECTED_PREFIX4"
      point "$name" "$(node $kind "$region")" "$VISITORS6" "$PROTECTED_PREFIX6"
      point "$name" "$(node $kind "$region")" "$NEIGHBOURS6" "$PROTECTED_PREFIX6"
    done
    point "attack_passed$tail" "$(node edge "$region")" "$ATTACKERS4-$NEIGHBOURS4" "$PROTECTED_PREFIX4"
    point "attack_passed$tail" "$(node edge "$region")" "$ATTACKERS6-$NEIGHBOURS6" "$PROTECTED_PREFIX6"
  done
  # shellcheck disable=SC2046
  spawn meter origin $(helper meter) --log "$RUN/meter.jsonl" "${points[@]}"
  wait_for 5 test -s "$RUN/meter.jsonl" || fail_with_logs "the meter didn't start" meter
}

start_visitors() {  # RATE: in each region
  local rate=$1 address region
  for region in "${REGIONS[@]}"; do
    local -a sources=()
    for address in $(visitor_addresses "$(region_number "$region")"); do sources+=(--source "$address"); done
    # shellcheck disable=SC2046
    spawn "$(node visitors "$region")" "$(node visitors "$region")" $(helper visitors) --rate "$rate" "${sources[@]}" \
      --log "$RUN/$(node visitors "$region").jsonl" --target "$PROTECTED4" --target "$PROTECTED6"
  done
}

stop_visitors() {
  local region
  for region in "${REGIONS[@]}"; do stop_service "$(node visitors "$region")"; done
}

# The replay form of a capture.
replay_of() { echo "$RUN/replay-$(basename "$1").pcap"; }

# rewrite_capture FILE: its replay form for this lab; prints what was kept.
rewrite_capture() {
  # shellcheck disable=SC2046
  $(helper rewrite) "$1" "$(replay_of "$1")" --destination "$PROTECTED4" --destination6 "$PROTECTED6" \
    --source-mac 02:00:00:00:02:02 --gateway-mac 02:00:00:00:02:01
}

# start_attack FILE PPS SECONDS REGION: sends the replay form of a capture; the service "attack" ends by itself.
start_attack() {
  local region=$4
  # shellcheck disable=SC2046
  spawn "$(node attack "$region")" "$(node attacker "$region")" $(helper send) "$(replay_of "$1")" --interface up0 \
    --pps "$2" --seconds "$3" --log "$RUN/$(node attack "$region").jsonl"
}
