// A browser, and a list of checks with a count at the end.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';

export const address = process.env.PRIVACYD_URL.replace(/\/$/, '');
export const signInLink = process.env.PRIVACYD_SIGN_IN_LINK;
export const beginLink = process.env.PRIVACYD_BEGIN_LINK; // of a server on which nobody has an account
export const outbox = process.env.PRIVACYD_OUTBOX; // of the same

let passed = 0;
let failed = 0;

export async function check(name, work) {
  try {
    await work();
    passed++;
    console.log(`ok    ${name}`);
  } catch (problem) {
    failed++;
    console.log(`FAIL  ${name}\n      ${String(problem?.message ?? problem).replaceAll('\n', '\n      ')}`);
  }
}

export function report() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}

// newPage opens a page that remembers what the browser complained about.
export async function newPage(browser, { home = address, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (problem) => complaints.push(problem.message));
  page.on('console', (message) => {
    const refused = /Failed to load resource: the server responded with a status of 4/.test(message.text());
    if (message.type() === 'error' && !refused) complaints.push(message.text());
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${home}/`) && !url.startsWith('data:')) complaints.push(`loads from elsewhere: ${url}`);
  });
  return { context, page, complaints };
}

// eventsAlone keeps a page from asking now and then by itself, and counts the
// events that it hears.
export function eventsAlone(page) {
  return page.addInitScript(() => {
    window.heard = { change: 0, beat: 0 };
    window.setInterval = () => 0;
    window.EventSource = class extends window.EventSource {
      constructor(...words) {
        super(...words);
        for (const name of ['change', 'beat']) this.addEventListener(name, () => { window.heard[name]++; });
      }
    };
  });
}

// accessible fails on any violation of WCAG 2.2 A and AA that axe can find.
export async function accessible(page) {
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const words = found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.target.join(' ')}`));
  assert.deepEqual(words, []);
}

// fits fails when the page is wider than the window.
export async function fits(page) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= window, `the page is ${wide} px wide in a window of ${window} px`);
}
