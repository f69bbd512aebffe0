#!/bin/sh
# verify.sh SPOOLID SECRETFILE FILE - print the verdict on the message in FILE; exit 0 for pass, else 76

# Lists of hexadecimal bytes are split into words on purpose.
# shellcheck disable=SC2046,SC2086
set -eu
set +a
export LC_ALL=C
unset secrets secret key escapes byte # an inherited variable would still be exported when it is assigned
umask 077

fail() { # STATUS MESSAGE
    printf 'verify.sh: %s\n' "$2" >&2
    exit "$1"
}

verdict() {
    printf '%s\n' "$1"
    [ "$1" = pass ] || exit 76
    exit 0
}

hex() { od -An -v -tx1; }
sha256() { openssl dgst -sha256 -binary; }

# put LENGTH MASK HEX... - write the bytes HEX, filled with zeros to LENGTH, each xor MASK
put() {
    left=$1 mask=$2 escapes=
    shift 2
    while [ $# -gt 0 ] || [ "$left" -gt 0 ]; do
        byte=$((0x${1:-0} ^ mask))
        escapes=$escapes\\0$((byte / 64))$((byte / 8 % 8))$((byte % 8))
        left=$((left - 1))
        [ $# -eq 0 ] || shift
    done
    printf %b "$escapes" # a builtin: its arguments are in no process's argv
}

# hmac HEX... - HMAC-SHA256 of stdin, binary; the key is the bytes HEX
hmac() {
    [ $# -le 64 ] || set -- $(put 0 0 "$@" | sha256 | hex)
    { put 64 92 "$@"; { put 64 54 "$@"; cat; } | sha256; } | sha256
}

# body - the canonical body of the message on stdin, which must end in a line end
body() {
    awk 'BEGIN { ORS = "\r\n" }
        { sub(/\r$/, "") }
        !inbody { if ($0 == "") inbody = 1; next }
        $0 == "" { empty++; next }
        { for (; empty > 0; empty--) print ""; print; any = 1 }
        END { if (!any) print "" }'
}

[ $# -eq 3 ] || fail 64 'usage: verify.sh SPOOLID SECRETFILE FILE'
[ -r "$2" ] || fail 66 'cannot read SECRETFILE'
[ -r "$3" ] || fail 66 'cannot read FILE'

dir=${TMPDIR:-/tmp}/verify.$(openssl rand -hex 8)
mkdir "$dir"
trap 'rm -rf "$dir"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

cat <"$3" >"$dir/message"
[ "$(wc -c <"$dir/message")" -le 16777216 ] || verdict malformed
[ "$(tr -dc '\000' <"$dir/message" | wc -c)" -eq 0 ] || fail 65 'a NUL in the message is not supported'
# CR LF, not LF: so a CR that ends the file stays a CR.
case $(tail -c 1 "$dir/message" | hex) in *0a*) ;; *) printf '\r\n' >>"$dir/message" ;; esac

# Six lines (state, sp, s, x, bh, b) into one file, the signed bytes into another.
awk -v signed="$dir/signed" '
    function stop(why) { state = why; exit }
    function tidy(text) { gsub(/[ \t]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text); return text }
    function malformed(   i, n, spec, name, at) { # reads the tag list into tag[]
        n = split(signature, spec, ";")
        for (i = 1; i <= n; i++) {
            at = index(spec[i], "=")
            name = tidy(substr(spec[i], 1, at - 1))
            if (name !~ /^[A-Za-z][A-Za-z0-9_]*$/ || name in tag || spec[i] ~ /[^ -~]/) return 1
            tag[name] = tidy(substr(spec[i], at + 1))
        }
        if (name != "b" || "l" in tag) return 1
        signature = substr(signature, 1, length(signature) - length(spec[n]) + at) # without the value of b=
        n = split("v a c d sp s i t h bh", spec, " ")
        for (i = 1; i <= n; i++) if (!(spec[i] in tag)) return 1
        if (tag["t"] !~ /^[0-9]+$/ || length(tag["t"]) > 12) return 1
        if ("x" in tag && (tag["x"] !~ /^[0-9]+$/ || length(tag["x"]) > 12)) return 1
        return tag["v"] != "1" || tag["a"] != "hmac-sha256" || tag["c"] != "relaxed/simple" || tag["d"] != "ipc.invalid"
    }
    { size += length($0) + 1; sub(/\r$/, "") }
    $0 == "" { exit }
    /[^\001-\177]/ || /\r/ || size > 65536 { stop("malformed") }
    /^[ \t]/ { if (!fields) stop("malformed"); text[fields] = text[fields] $0; next }
    { text[++fields] = $0; if (fields > 200) stop("malformed") }
    function judge(   i, n, h, name, required) {
        for (i = 1; i <= fields; i++) {
            name = tolower(substr(text[i], 1, index(text[i], ":") - 1))
            if (name !~ /^[!-~]+$/) return "malformed"
            value[name, ++count[name]] = tidy(substr(text[i], length(name) + 2))
        }
        if (!count["ipc-signature"]) return "none"
        signature = value["ipc-signature", 1]
        if (count["ipc-signature"] > 1 || malformed()) return "malformed"
        n = split(tolower(tag["h"]), h, ":")
        for (i = 1; i <= n; i++) {
            name = tidy(h[i]); covered[name]++
            if (count[name] > 1) return "bad"
            if (covered[name] == 1 && count[name]) print name ":" value[name, 1] "\r" >signed
        }
        printf "ipc-signature:%s", signature >signed
        n = split("from sender reply-to to cc subject date message-id in-reply-to references expires importance " \
            "auto-submitted mime-version content-type content-transfer-encoding content-disposition content-id " \
            "content-description content-language", required, " ")
        for (i = 1; i <= n; i++) if (!(required[i] in covered)) return "bad"
        for (name in count) if (name ~ /^ipc-/ && name != "ipc-signature" && !(name in covered)) return "bad"
        if ("content-length" in covered || "ipc-signature" in covered) return "bad"
        return count["from"] && tag["i"] == value["from", 1] ? "good" : "bad"
    }
    END {
        if (state == "") state = judge()
        gsub(/ /, "", tag["bh"]); gsub(/ /, "", tag["b"])
        print state; print tag["sp"]; print tag["s"]; print tag["x"]; print tag["bh"]; print tag["b"]
    }' "$dir/message" >"$dir/state"
{ read -r state; read -r sp; read -r s; read -r x; read -r bh; read -r b; } <"$dir/state"

case $state in malformed | none) verdict "$state" ;; esac
[ "$sp" = "$1" ] || verdict misdirected # the secrets are those of this spool: none is known for another

# One word of hexadecimal digits for each line of the file.
secrets=$(hex <"$2" | awk '{ for (i = 1; i <= NF; i++) if ($i == "0a") print ""; else printf "%s", $i }')
key=
for secret in $secrets; do
    key=$(printf 'maildir-ipc/1 mac' | hmac $(printf '%s\n' "$secret" | sed 's/../& /g') | hex)
    id=$({ printf 'maildir-ipc/1 keyid '; put 0 0 $key; } | sha256 | hex | tr -d ' \n' | cut -c 1-16)
    [ "$id" != "$s" ] || break
    key=
done
[ -n "$key" ] || verdict unknown-key
[ "$state" = good ] || verdict bad
[ "$bh" = "$(body <"$dir/message" | sha256 | openssl base64 -A)" ] || verdict bad
[ "$b" = "$(hmac $key <"$dir/signed" | openssl base64 -A)" ] || verdict bad
[ -z "$x" ] || [ "$(date +%s)" -le "$x" ] || verdict expired
verdict pass
