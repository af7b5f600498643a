#!/bin/sh
# Docker's health check: requests a path, /healthz, where the gateway listens. It uses no proxy. The gateway can listen on another port
# than the usual one (--port, or gateway.port in openclaw.json), and on another address than 127.0.0.1 (the bind tailnet).
set -u
path=$1
usual=${OPENCLAW_GATEWAY_PORT:-18789}

answers() { # SECONDS ADDRESS:PORT
  curl --silent --fail --output /dev/null --noproxy '*' --max-time "$1" "http://$2$path" ||
    curl --silent --fail --output /dev/null --noproxy '*' --max-time "$1" --insecure "https://$2$path"
}

# The sockets of this container's processes: with the host's network, /proc/net/tcp also lists those of others. Source: proc(5)
sockets=$(find /proc/[0-9]*/fd -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' ')
if [ -z "$sockets" ]; then
  answers 4 "127.0.0.1:$usual"
  exit
fi

# Lines of hexadecimal digits: the address, in reverse order of bytes, and the port.
listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
  awk -v sockets=" $sockets" '$4 == "0A" && index(sockets, " " $10 " ") { sub(":", " ", $2); print $2 }' | sort -u)

addresses() {
  echo "$listening" | while read -r address port; do
    [ -n "$port" ] || continue
    case $address in
    00000000 | ????????????????????????????????) host=127.0.0.1 ;;
    *)
      host=$(echo "$address" | sed 's/\(..\)\(..\)\(..\)\(..\)/0x\4 0x\3 0x\2 0x\1/' |
        { read -r a b c d && printf '%d.%d.%d.%d' "$a" "$b" "$c" "$d"; })
      ;;
    esac
    printf '%s:%d\n' "$host" "0x$port"
  done
}

# Other listeners, such as a server that an agent started, get a request only if nothing listens on the usual port.
seconds=1
known=$(addresses)
gateway=$(echo "$known" | grep -- ":$usual\$")
if [ -n "$gateway" ]; then seconds=4 known=$gateway; fi
for address in $known; do
  if answers "$seconds" "$address"; then exit 0; fi
done
exit 1
