# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Reads .env as build/stack/dot-env.ts does, which is how Compose reads it.

# Prints the value that the user gave: in the environment, else in .env, else the default. An empty variable removes the value in .env.
given() { # NAME [DEFAULT]
  local value
  if [ -n "${!1+set}" ]; then
    value=${!1}
  # A former name that is given now replaces the newer one in .env.
  elif [ "$1" = OPENCLAW_IMAGE_APT_PACKAGES ] && [ -n "${OPENCLAW_DOCKER_APT_PACKAGES+set}" ]; then
    value=''
  else
    value=$(in_env_file "$1")
  fi
  printf '%s' "${value:-${2:-}}"
}

# Prints a value of .env without quotes, escapes and comments, as build/stack/dot-env.ts reads it.
plain_value() { # TEXT after the equals sign
  local value=${1%$'\r'} quote=$'\003' backslash=$'\004' newline=$'\n' return=$'\r' tab=$'\t'
  shopt -u patsub_replacement 2>/dev/null || true # since bash 5.2, & would stand for the match
  case $value in
  \'*)
    value=${value#\'}
    value=${value//\\\'/$quote}
    value=${value%%\'*}
    value=${value//$quote/\'}
    ;;
  \"*)
    value=${value#\"}
    value=${value//\\\\/$backslash}
    value=${value//\\\"/$quote}
    value=${value%%\"*}
    value=${value//\\n/$newline}
    value=${value//\\r/$return}
    value=${value//\\t/$tab}
    value=${value//\\\$/\$}
    value=${value//$quote/\"}
    value=${value//$backslash/\\}
    ;;
  *)
    value=${value%% #*}
    value=${value%"${value##*[![:blank:]]}"}
    ;;
  esac
  printf '%s' "$value"
}

# Matches the start of a line of .env, up to the value: Compose also takes a colon. A byte order mark may come first.
assignment_of() { printf '^('$'\357\273\277'')?[[:blank:]]*(export[[:blank:]]+)?%s[[:blank:]]*[=:][[:blank:]]*' "$1"; }

# Prints the last value of a key in .env.
in_env_file() { # NAME
  local index
  read_entries "$(cat -- "$root/.env" 2>/dev/null)" || true
  index=$(last_of "$1" ${NAMES[@]+"${NAMES[@]}"})
  [ -z "$index" ] || plain_value "${TEXTS[index]}"
}

# Prints the user or group in .env: the first of these keys that has a value.
kept_id() { # NAME ...
  local name value=''
  for name in "$@"; do value=${value:-$(in_env_file "$name")}; done
  printf '%s' "${value:-1000}"
}

# Fills ENTRIES with the lines of a .env, and with quoted values of several lines; NAMES with their variables, and TEXTS with what follows
# the equals sign. A comment has no name. Fails if a quote is not closed. Source: compose-go, dotenv/parser.go
read_entries() { # TEXT
  local line entry='' name='' text='' quote='' rest assignment
  assignment=$(assignment_of '([A-Za-z_][A-Za-z0-9_.-]*)')
  ENTRIES=() NAMES=() TEXTS=()
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    if [ -n "$quote" ]; then
      entry+=$'\n'$line text+=$'\n'$line rest=$line
    else
      entry=$line name='' text=''
      if [[ $line =~ $assignment ]]; then name=${BASH_REMATCH[3]} text=${line:${#BASH_REMATCH[0]}}; fi
      rest=${text#?}
      case $text in [\'\"]*) quote=${text:0:1} ;; esac
    fi
    if [ -n "$quote" ]; then
      # A backslash and the character after it do not end the value.
      case ${rest//\\?/} in *"$quote"*) quote='' ;; *) continue ;; esac
    fi
    ENTRIES+=("$entry") NAMES+=("$name") TEXTS+=("$text")
  done <<<"$1"
  [ -z "$quote" ]
}

# Prints the number of the last entry of a variable; nothing without one.
last_of() { # NAME NAMES ...
  local index
  for ((index = $#; index > 1; index--)); do if [ "${!index}" = "$1" ]; then printf %s $((index - 2)) && return; fi; done
}

is_one_of() { # TEXT TEXT ...
  local text
  for text in "${@:2}"; do if [ "$text" = "$1" ]; then return 0; fi; done
  return 1
}

# Whether the shell has a variable. A name with a dot or a hyphen is none of a shell.
is_set() { # NAME
  case $1 in *[!A-Za-z0-9_]*) return 1 ;; esac
  [ -n "${!1+set}" ]
}

# A text that Compose and this script read alike: on one line, without a quote that could hide its end.
is_simple_value() { # TEXT
  local text=$1
  case $text in *[[:cntrl:]]* | [[:blank:]]*) return 1 ;; esac
  case $text in
  \'*\') text=${text#?} text=${text%?} && case $text in *[\'\\]*) return 1 ;; esac ;;
  \"*\") text=${text#?} text=${text%?} text=${text//\\?/} && case $text in *[\"\\]*) return 1 ;; esac ;;
  *) case $text in *[\'\"\\]*) return 1 ;; esac ;;
  esac
}
