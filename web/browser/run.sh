#!/bin/sh
# Tests the pages in a real browser, against a running server:
#
#   PRIVACYD_URL=http://127.0.0.1:8080 PRIVACYD_SIGN_IN_LINK=http://…/sign-in/… \
#   PRIVACYD_BEGIN_LINK=http://…/sign-in/first/… PRIVACYD_OUTBOX=http://…/outbox/… web/browser/run.sh
#
# The first link is that of an admin and is used up; records are added to the
# workspace and exports made, so give a server whose data is for trying out. The
# other two are what a server prints on which nobody has an account (--dev).
# Needs Node, unzip and Chromium (CHROMIUM names another one than
# /usr/bin/chromium). The last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
: "${PRIVACYD_URL:?the address of a running server}"
: "${PRIVACYD_SIGN_IN_LINK:?a sign-in link of an admin}"
: "${PRIVACYD_BEGIN_LINK:?the link of a server on which nobody has an account}"
: "${PRIVACYD_OUTBOX:?the outbox of the same server}"
[ -d node_modules/playwright-core ] || npm install --no-save --no-audit --no-fund --silent
exec node browser/run.mjs
