#!/bin/sh
# Builds what the pages load into assets/, which is committed: a build of the
# binary needs no Node.
set -eu
cd "$(dirname "$0")"
npm install --no-save --no-audit --no-fund --silent
npx tailwindcss --input styles/app.css --output assets/app.css --minify
cp node_modules/htmx.org/dist/htmx.min.js assets/htmx.js
{
	for package in htmx.org tailwindcss daisyui; do
		printf '%s %s\n\n' "$package" "$(node -p "require('./node_modules/$package/package.json').version")"
		cat "node_modules/$package/LICENSE"
		printf '\n----\n\n'
	done
} >assets/LICENSES.txt
