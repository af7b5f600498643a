#!/bin/sh
# Docker's health check: asks the gateway, without a proxy, where it listens. That can be another port than the usual one (--port, or
# gateway.port in openclaw.json) and another address than 127.0.0.1 (the bind tailnet). Argument: the path, /healthz.
set -u
path=$1
usual=${OPENCLAW_GATEWAY_PORT:-18789}

answers() { # ADDRESS:PORT
  curl --silent --fail --output /dev/null --noproxy '*' --max-time 5 "http://$1$path" ||
    curl --silent --fail --output /dev/null --noproxy '*' --max-time 5 --insecure "https://$1$path"
}

# The sockets of this container's processes: with the host's network, /proc/net/tcp also lists those of others. Source: proc(5)
sockets=$(find /proc/[0-9]*/fd -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' ')
if [ -z "$sockets" ]; then
  answers "127.0.0.1:$usual"
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

# The usual port first: other listeners, such as a browser's, are not asked then.
for address in $(addresses | awk -v usual=":$usual" '{ print (index($1 "\n", usual "\n") ? 0 : 1), $1 }' | sort | cut -d ' ' -f 2); do
  if answers "$address"; then exit 0; fi
done
exit 1
