// Every page there is, on a server of its own: seen by axe, each form sent
// twice at once by each role, and the server killed while a page follows a job.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createSite } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, check, eventsAlone, fits, newPage } from './harness.mjs';
import { leaver, own } from './own.mjs';
import { rolesEndToEnd } from './roles.mjs';

const secret = 'a password for trying out';
const many = 60_000; // contacts: an export of them takes a moment
const routes = JSON.parse(readFileSync(new URL('routes.json', import.meta.url)));

export async function everything(browser) {
  const folder = mkdtempSync(join(tmpdir(), 'privacyd-every-'));
  const site = { folder, home: `http://127.0.0.1:${await freePort()}`, names: {} };
  try {
    furnish(site);
    await start(site);
    const admin = await enter(browser, site, 'admin@example.com');
    await prepare(site, admin);
    await restart(site, admin);
    await looks(browser, site, admin);
    await fromElsewhere(browser, site, admin);
    await rolesEndToEnd(browser, site, { enter });
    for (const role of ['auditor', 'agent', 'admin']) await twice(browser, site, role);
    await own(browser, site, { enter, sendTwice });
  } finally {
    site.server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function privacyd(site, ...words) {
  return execFileSync(process.env.PRIVACYD_BIN, words.concat('--data', site.folder), { encoding: 'utf8', input: `${secret}\n`, stdio: ['pipe', 'pipe', 'pipe'] }); // its complaint is part of the error
}

function furnish(site) {
  for (const role of ['admin', 'agent', 'auditor']) {
    privacyd(site, 'account', 'create', '--email', `${role}@example.com`, '--name', `The ${role}`, '--password-stdin');
  }
  privacyd(site, 'workspace', 'create', '--slug', 'acme', '--name', 'Acme', '--admin', 'admin@example.com');
  for (const role of ['agent', 'auditor']) privacyd(site, 'workspace', 'member', '--workspace', 'acme', '--email', `${role}@example.com`, '--role', role);
  privacyd(site, 'account', 'create', '--email', leaver, '--name', 'Who leaves', '--password-stdin');
  privacyd(site, 'workspace', 'member', '--workspace', 'acme', '--email', leaver, '--role', 'agent');
  const lines = [];
  const add = (collection, record) => lines.push(JSON.stringify({ collection, record }));
  for (let n = 0; n < many; n++) add('contacts', { id: `c-${n}`, name: `Made-up person ${n}`, email: `p${n}@example.net` });
  for (let n = 0; n < 40; n++) {
    add('conversations', { id: `v-${n}`, contact_id: `c-${n}`, channel: 'email', status: n % 2 ? 'resolved' : 'open', resolved_at: n % 2 ? '2025-03-01T10:00:00Z' : null, created_at: '2025-02-01T10:00:00Z' });
    add('messages', { id: `m-${n}`, conversation_id: `v-${n}`, direction: 'inbound', author_id: `c-${n}`, body: 'Hello', created_at: '2025-02-01T10:00:00Z' });
  }
  const file = join(site.folder, '..', `${site.folder.split('/').pop()}.ndjson`);
  try {
    writeFileSync(file, `${lines.join('\n')}\n`);
    privacyd(site, 'import', '--workspace', 'acme', file);
  } finally {
    rmSync(file, { force: true });
  }
}

async function start(site) {
  site.server = spawn(process.env.PRIVACYD_BIN, ['serve', '--data', site.folder, '--listen', new URL(site.home).host, '--dev'], { stdio: 'ignore' });
  for (let n = 0; ; n++) {
    try {
      if ((await fetch(`${site.home}/healthz`)).ok) return;
    } catch (problem) {
      if (n > 300 || site.server.exitCode !== null) throw new Error('the server does not start', { cause: problem });
    }
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

function freePort() {
  return new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
  });
}

async function enter(browser, site, email, password = secret, to = /\/w\//) {
  const visit = await newPage(browser, { home: site.home });
  await visit.page.goto(`${site.home}/sign-in`);
  await visit.page.getByLabel('E-mail').fill(email);
  await visit.page.getByLabel('Password').fill(password);
  await visit.page.getByRole('button', { name: 'Sign in' }).click();
  await visit.page.waitForURL(to);
  return visit;
}

// prepare makes a deletion that is done, one that waits, and knows the agent's id.
async function prepare(site, { page }) {
  await check('a deletion that is done, and one that waits', async () => {
    const hash = JSON.parse(privacyd(site, 'erase', '--workspace', 'acme', '--contact', 'c-39', '--dry-run', '--json')).hash;
    privacyd(site, 'erase', '--workspace', 'acme', '--contact', 'c-39', '--confirm', hash);
    const api = `${site.home}/v1/workspaces/acme`;
    const token = privacyd(site, 'token', 'create', '--workspace', 'acme', '--label', 'every page', '--scope', 'subject.delete,jobs.read').trim().split('\n').pop();
    const asked = await fetch(`${api}/gdpr-jobs`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ type: 'subject_deletion', subject: { kind: 'contact', id: 'c-38' } }),
    });
    site.names.waiting = (await asked.json()).id;
    const jobs = (await (await page.request.get(`${api}/gdpr-jobs`)).json()).items;
    site.names.done = jobs.find((j) => j.type === 'subject_deletion' && j.state === 'completed').id;
    const members = await (await page.request.get(`${api}/members`)).json();
    const published = await page.request.post(`${site.home}/w/acme/legal`, { form: { name: 'Acme', email: 'privacy@example.com', address: 'Harbour 1', published: 'yes' } });
    assert.ok(published.ok(), `the legal page answers ${published.status()}`);
    site.names.agent = (members.items ?? members).find((m) => m.email === 'agent@example.com').account_id;
  });
}

const pathOf = (site, path) => path.replace(/\{(\w+)\}/g, (_, name) => site.names[name]);

// restart has the page hear of it by the stream alone: it cannot ask by itself.
async function restart(site, { context }) {
  const page = await context.newPage();
  await eventsAlone(page);
  let before = 0;
  await check('the server is killed while a page follows an export, and started again: the stream goes on, and the page shows the end', async () => {
    for (let n = 0; ; n++) { // a fast machine may have ended before
      await page.goto(`${site.home}/w/acme/data-privacy`);
      await page.getByRole('button', { name: 'Export workspace → JSON' }).click();
      await page.waitForURL(/\/jobs\//);
      await page.waitForFunction(() => window.heard.change > 0); // the stream is open
      await page.evaluate(() => { window.sameDocument = true; });
      const ended = new Promise((done) => { site.server.once('exit', done); });
      site.server.kill('SIGKILL');
      await ended;
      const shown = await page.locator('#job-state').innerText();
      before = await page.evaluate(() => window.heard.change);
      await start(site);
      if (/Waiting|Running/.test(shown)) break;
      assert.ok(n < 5, 'the export always ends before the server is killed');
    }
    await page.getByRole('link', { name: 'Download archive' }).waitFor({ timeout: 60_000 });
    assert.match(await page.locator('#job-state').innerText(), /^Ready/);
    assert.equal(await page.evaluate(() => window.sameDocument), true, 'the page was loaded anew');
    assert.ok(await page.evaluate(() => window.heard.change) > before, 'the stream was not opened again');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download archive' }).click()]);
    assert.equal(await file.failure(), null);
    await file.delete();
  });
  await page.close();
}

async function looks(browser, site, { context }) {
  const storageState = await context.storageState();
  for (const [colorScheme, width, height] of [['light', 360, 740], ['dark', 1280, 900]]) {
    const visit = await newPage(browser, { home: site.home, storageState, colorScheme, viewport: { width, height } });
    for (const [route, path] of Object.entries(routes.pages)) {
      await check(`${route} is accessible and fits, ${colorScheme}, ${width} px`, async () => {
        const answer = await visit.page.goto(site.home + pathOf(site, path));
        assert.equal(answer.status(), 200);
        await accessible(visit.page);
        await fits(visit.page);
      });
    }
    await check(`nothing to complain about, ${colorScheme}, ${width} px`, () => assert.deepEqual(visit.complaints, []));
    await visit.context.close();
  }
}

// fromElsewhere is another site, whose page shows one of ours in a frame and
// sends one of its forms.
async function fromElsewhere(browser, site, { context }) {
  const text = `<iframe src="${site.home}/w/acme/delete-workspace"></iframe>
    <form method="post" action="${site.home}/w/acme/data-privacy"><input name="type" value="data_export"><input name="format" value="json"><button>Win</button></form>`;
  const other = createSite((_, answer) => { answer.setHeader('Content-Type', 'text/html'); answer.end(text); }).listen(0, '127.0.0.1');
  await new Promise((done) => { other.once('listening', done); });
  const visit = await newPage(browser, { home: site.home, storageState: await context.storageState() });
  await check('another site can neither frame a page nor send a form', async () => {
    const asked = entries(site).filter((e) => e.action === 'data_export.create').length;
    await visit.page.goto(`http://127.0.0.1:${other.address().port}/`);
    const frame = visit.page.frames().find((f) => f !== visit.page.mainFrame());
    assert.equal(await frame.locator('form').count(), 0, 'the page is shown in a frame');
    const [answer] = await Promise.all([visit.page.waitForResponse(`${site.home}/w/acme/data-privacy`), visit.page.getByRole('button', { name: 'Win' }).click()]);
    assert.equal(answer.status(), 403);
    await visit.page.getByText('comes from another site').waitFor();
    assert.equal(entries(site).filter((e) => e.action === 'data_export.create').length, asked, 'an export was asked for');
  });
  await visit.context.close();
  other.close();
}

// What is left out: it ends the session or the account, so that nothing could be
// tried after it. own.mjs does it.
const last = [/^\/sign-out$/, /\/account\/delete$/, /\/sessions\//, /\/account\/password$/, /\/leaving\//];

// nothing are the forms of which none is expected to do something here, and why.
const nothing = [
  { form: /\/second-factor \(/, why: 'a secret that nobody has confirmed is put in the place of another' },
  { form: /\/sign-in\/forgotten/, why: 'the address is nobody\'s' },
  { form: /\/audit\/verify/, why: 'it looks at the log' },
  { form: /\/retention\/run/, why: 'what was resolved before the policy is not due' },
  { form: /\/retention\/settings/, why: 'the run is at its hour already' },
  { form: /\/acme\/legal \(/, why: 'it says so already' },
  { form: /\/members\/….role/, why: 'it is their role already' },
  { form: /\/members \(Send again/, why: 'they were invited a moment ago' },
];

// perhaps are those that come too late where the machine is fast: what is
// cancelled may have ended.
const perhaps = /\/jobs\/….cancel \(Cancel\)|\/account\/exports\/….cancel/;

// again are the forms whose every sending makes something of its own: they are
// sent as a second click sends them, with the name of the first.
const again = [/\/holds$/, /\/tokens$/];

// twice sends each form of each page two times at once, and wants one effect.
async function twice(browser, site, role) {
  const visit = await enter(browser, site, `${role}@example.com`);
  const done = new Set();
  for (const [route, path] of Object.entries(routes.pages)) {
    const answer = await visit.page.goto(site.home + pathOf(site, path));
    if (!answer.ok()) continue; // the role may not see it
    for (;;) {
      await visit.page.goto(site.home + pathOf(site, path)); // what was sent may have changed which forms there are
      const form = await firstNew(site, visit.page, done);
      if (!form) break;
      await check(`${role}: ${route}: the form to ${form.key} sent twice at once does one thing`, async () => {
        const named = again.some((a) => a.test(form.action));
        const values = form.action.endsWith('/tokens') ? { scope: 'records.read' } : {};
        const did = Object.keys(await sendTwice(site, visit.page, form.handle, values, { named, id: role === 'admin' ? 'c-6' : 'c-5' }));
        const none = nothing.find((n) => n.form.test(form.key));
        if (none) assert.deepEqual(did, [], none.why);
        else if (!perhaps.test(form.key)) assert.ok(did.length > 0, 'it does nothing, which nobody expects of it');
      });
    }
  }
  await visit.context.close();
}

// firstNew is the first form of a page that was not sent yet, by where it goes
// and what its button says.
async function firstNew(site, page, done) {
  const forms = page.locator('form[method="post"]');
  for (let n = 0; n < await forms.count(); n++) {
    const handle = await forms.nth(n).elementHandle(); // it stays, though a part of the page is fetched anew
    const [address, button] = await handle.evaluate((f) => {
      const b = f.querySelector('button');
      return [f.action, b.firstChild?.textContent.trim() || b.textContent.trim()];
    });
    const action = new URL(address).pathname;
    const key = `${action.replace(/[0-9a-f-]{36}/g, '…')} (${button.slice(0, 30)})`;
    if (done.has(key) || last.some((l) => l.test(action))) continue;
    done.add(key);
    return { handle, action, key };
  }
  return undefined;
}

// sendTwice gives what was done, by action. Values are typed into fields by their
// names; of the others those that must be filled are.
async function sendTwice(site, page, form, values = {}, { named = false, id = 'c-5' } = {}) {
  const before = new Set(entries(site).map((e) => e.id));
  const shown = page.url();
  const statuses = await form.evaluate(async (f, { words, values, named }) => {
    const data = new URLSearchParams();
    for (const [name, value] of new FormData(f)) if (named || name !== 'once') data.append(name, value); // by which the second would get the answer of the first
    for (const field of f.elements) {
      if (!field.name || !field.required || data.get(field.name)) continue;
      const asked = ['name', 'count'].includes(field.name) && document.getElementById('to-type')?.textContent;
      data.set(field.name, asked || (words[field.name] ?? words[field.type] ?? 'words'));
    }
    for (const [name, value] of Object.entries(values)) data.set(name, value);
    const send = () => fetch(f.action, { method: 'POST', body: data, redirect: 'manual' }).then((r) => r.type === 'opaqueredirect' ? 303 : r.status);
    return Promise.all([send(), send()]);
  }, { values, named, words: { password: secret, email: 'new@example.com', name: 'Acme', date: '2026-01-01', count: '19', reason: 'A dispute.', id, number: '30' } });
  assert.ok(statuses.every((s) => s < 500) && statuses.some((s) => s !== 403), `it answers ${statuses}: ${shown} shows what the role may not do`);
  const did = {};
  for (const e of entries(site)) {
    if (before.has(e.id) || e.outcome !== 'done' || looking.has(e.action.split('.').pop())) continue;
    const what = `${e.action} ${e.target_id ?? ''}`;
    did[e.action] = (did[e.action] ?? []).concat(what);
  }
  for (const [action, list] of Object.entries(did)) assert.equal(list.length, 1, `${action}: ${list.join(', ')}; answered ${statuses}`);
  return did;
}

// looking are the actions that change nothing, and those of the machine.
// Beginning with a second factor again puts another secret in the place of one
// that nobody has confirmed. Each log says by itself that somebody is erased from it.
const looking = new Set(['begin', 'erase', 'erased', 'preview', 'verify', 'download', 'checkpoint', 'start', 'complete', 'expire', 'queue', 'sign_in', 'read', 'fetch']);

function entries(site) {
  const list = (...words) => JSON.parse(privacyd(site, 'audit', 'list', '--limit', '200', '--json', ...words)).items ?? [];
  return list('--workspace', 'acme').concat(list());
}
