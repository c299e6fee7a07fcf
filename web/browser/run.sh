#!/bin/sh
# Tests the pages in a real browser, against a running server:
#
#   PRIVACYD_URL=http://127.0.0.1:8080 PRIVACYD_SIGN_IN_LINK=http://…/sign-in/… web/browser/run.sh
#
# The link is that of an admin and is used up; records are added to the
# workspace and exports made, so give a server whose data is for trying out.
# Needs Node, unzip and Chromium (CHROMIUM names another one than
# /usr/bin/chromium). The last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
: "${PRIVACYD_URL:?the address of a running server}"
: "${PRIVACYD_SIGN_IN_LINK:?a sign-in link of an admin}"
[ -d node_modules/playwright-core ] || npm install --no-save --no-audit --no-fund --silent
exec node browser/run.mjs
