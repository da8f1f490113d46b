#!/bin/bash
# Health check of CARLA and of our headless server: is it ready, not only: is the port open?
#
# Ready means that the version is answered, a map is loaded, and the world turns. CARLA answers get_map_info in its
# game thread between two frames, and with an error while no map is loaded; so two answers with a pause between them
# prove a frame. Nothing here changes the world: a client may be driving in it.
set -euo pipefail
port="${CARLA_RPC_PORT:-2000}"

# ask NAME LENGTH: one call by hand. MessagePack-RPC: [0, 1, name, [[false]]]; the text's length is in the byte
# 0xa0 + length. A result begins [1, 1, nil, [[1, ..., a refusal [1, 1, nil, [[0, ....
ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  # shellcheck disable=SC2059 # the format is the message
  printf "\\x94\\x00\\x01\\x$2$1\\x91\\x91\\xc2" >&3
  local answer
  answer=$(timeout 2 head -c 7 <&3 | od -An -tx1 | tr -d ' \n')
  exec 3>&-
  [ "$answer" = 940101c0919201 ] || { echo "not ready: $1 on port $port answered '$answer'" >&2; exit 1; }
}

ask version a7
ask get_map_info ac
sleep 0.1
ask get_map_info ac
