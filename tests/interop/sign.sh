#!/bin/sh
# sign.sh SPOOLID SECRETFILE [-t SECONDS] - sign the message on stdin with the file's first line; write it to stdout

# Lists of hexadecimal bytes are split into words on purpose.
# shellcheck disable=SC2046,SC2086
set -eu
set +a
export LC_ALL=C
unset secret key escapes byte # an inherited variable would still be exported when it is assigned
umask 077

fail() { # STATUS MESSAGE
    printf 'sign.sh: %s\n' "$2" >&2
    exit "$1"
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

case $#${3:-} in 2) t=$(date +%s) ;; 4-t) t=$4 ;; *) t= ;; esac
case $t in '' | *[!0-9]* | ?????????????*) fail 64 'usage: sign.sh SPOOLID SECRETFILE [-t SECONDS]' ;; esac
case $1 in *[!0-9a-f]*) fail 64 'SPOOLID is not 16 hexadecimal digits' ;; esac
[ ${#1} -eq 16 ] || fail 64 'SPOOLID is not 16 hexadecimal digits'

secret=$(head -n 1 -- "$2" | tr -d '\n' | hex)
case $secret in '' | *0d* | *00*) fail 65 'the secret is empty, or has a CR or a NUL' ;; esac
key=$(printf 'maildir-ipc/1 mac' | hmac $secret | hex)
id=$({ printf 'maildir-ipc/1 keyid '; put 0 0 $key; } | sha256 | hex | tr -d ' \n' | cut -c 1-16)

dir=${TMPDIR:-/tmp}/sign.$(openssl rand -hex 8)
mkdir "$dir"
trap 'rm -rf "$dir"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

cat >"$dir/given"
[ "$(tr -dc '\000' <"$dir/given" | wc -c)" -eq 0 ] || fail 65 'a NUL in the message is not supported'
cp "$dir/given" "$dir/message"
# CR LF, not LF: so a CR that ends the file stays a CR.
case $(tail -c 1 "$dir/given" | hex) in *0a*) ;; *) printf '\r\n' >>"$dir/message" ;; esac
bh=$(body <"$dir/message" | sha256 | openssl base64 -A)

# The field up to b=, folded, on stdout; the signed bytes in a file.
field=$(awk -v sp="$1" -v s="$id" -v t="$t" -v bh="$bh" -v signed="$dir/signed" '
    function refuse(why) { print "sign.sh: " why | "cat >&2"; failed = 1; exit 65 }
    function tidy(text) { gsub(/[ \t]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text); return text }
    function add(gap, text) { # to the field; on a new line if it would pass column 78
        if (column + length(gap text) > 78) { field = field "\n"; gap = " "; column = 0 }
        field = field gap text; column += length(gap text)
    }
    function seconds(date,   n, p, y, m) { # of an RFC 5322 date
        sub(/^[A-Za-z]+, */, "", date); gsub(/:/, " ", date); sub(/ (GMT|UT)$/, " +0000", date)
        n = split(date, p, " ")
        if (n == 6) { p[7] = p[6]; p[6] = 0 }
        m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", p[2]) + 2) / 3; y = p[3]
        if (n < 6 || n > 7 || m < 1 || m != int(m) || y !~ /^[0-9][0-9][0-9][0-9]$/ || p[7] !~ /^[+-][0-9][0-9][0-9][0-9]$/)
            refuse("cannot read Expires")
        if (m < 3) { m += 12; y-- }
        n = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * m - 457) / 5) + p[1] - 719469
        m = (substr(p[7], 2, 2) * 60 + substr(p[7], 4)) * (p[7] ~ /^-/ ? -1 : 1)
        return sprintf("%.0f", ((n * 24 + p[4]) * 60 + p[5] - m) * 60 + p[6])
    }
    { size += length($0) + 1; sub(/\r$/, "") }
    /[^\001-\177]/ || /\r/ { refuse("the header is not ASCII, or has a CR") }
    $0 == "" { whole = 1; exit }
    /^[ \t]/ { if (!fields) refuse("the header does not begin with a field"); text[fields] = text[fields] $0; next }
    { text[++fields] = $0 }
    END {
        if (failed) exit 65
        if (!whole) refuse("no empty line after the header")
        list = "from sender reply-to to cc subject date message-id in-reply-to references expires importance " \
            "auto-submitted mime-version content-type content-transfer-encoding content-disposition content-id " \
            "content-description content-language"
        for (i = 1; i <= fields; i++) {
            name = tolower(substr(text[i], 1, index(text[i], ":") - 1))
            if (name !~ /^[!-~]+$/) refuse("a header line is no field")
            if (name == "ipc-signature") refuse("the message is signed already")
            if (name ~ /^ipc-/ && !(name in value)) list = list " " name
            value[name] = tidy(substr(text[i], length(name) + 2)); count[name]++
        }
        if (value["from"] !~ /^[a-z0-9_][a-z0-9_-]*@ipc\.invalid$/) refuse("From is not one bare address")
        add("", "IPC-Signature:"); add(" ", "v=1;"); add(" ", "a=hmac-sha256;"); add(" ", "c=relaxed/simple;")
        add(" ", "d=ipc.invalid;"); add(" ", "sp=" sp ";"); add(" ", "s=" s ";"); add(" ", "i=" value["from"] ";")
        add(" ", "t=" t ";")
        if (count["expires"]) add(" ", "x=" seconds(value["expires"]) ";")
        n = split(list, h, " ")
        for (i = 1; i <= n; i++) {
            if (count[h[i]] > 1) refuse("more than one " h[i])
            if (count[h[i]]) print h[i] ":" value[h[i]] "\r" >signed
            add(i > 1 ? "" : " ", (i > 1 ? "" : "h=") h[i] (i < n || count[h[i]] ? ":" : ";"))
            if (count[h[i]]) add("", h[i] (i < n ? ":" : ";"))
        }
        add(" ", "bh=" bh ";")
        field = field "\n b="
        if (fields > 199 || size + length(field) + 45 > 65536) refuse("the header is too large")
        printf "%s", field
        gsub(/\n/, "", field)
        printf "ipc-signature:%s", tidy(substr(field, 15)) >signed
    }' "$dir/message")

b=$(hmac $key <"$dir/signed" | openssl base64 -A)
[ ${#bh}${#b} = 4444 ] || fail 70 'openssl failed'
printf '%s%s\n' "$field" "$b"
cat "$dir/given"
