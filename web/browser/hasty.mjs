// Buttons that are pressed twice within 200 ms while the answers come half a
// second late, with and without JavaScript: nothing that is shown once is lost.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createProxy, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, newPage } from './harness.mjs';

const secret = 'a password for trying out';
const late = 500;
const between = 200;

export async function hasty(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const folder = mkdtempSync(join(tmpdir(), 'privacyd-hasty-'));
    const site = { folder, javaScriptEnabled, how: javaScriptEnabled ? 'with scripts' : 'without scripts', posts: 0 };
    try {
      await start(site);
      await links(browser, site);
      await codes(browser, site);
      await leaving(browser, site);
    } finally {
      site.proxy?.closeAllConnections();
      site.proxy?.close();
      site.server?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

// start runs a server and, before it, a proxy that holds the answers to forms.
async function start(site) {
  const real = `http://127.0.0.1:${await freePort()}`;
  site.home = `http://127.0.0.1:${await freePort()}`;
  site.server = spawn(process.env.PRIVACYD_BIN, ['serve', '--data', site.folder, '--listen', new URL(real).host, '--dev'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const out of [site.server.stdout, site.server.stderr]) out.on('data', (text) => { said += text; });
  site.proxy = createProxy((ask, answer) => {
    if (ask.method === 'POST') site.posts++;
    const on = request(real + ask.url, { method: ask.method, headers: { ...ask.headers, host: new URL(real).host, origin: real } }, (got) => {
      setTimeout(() => { answer.writeHead(got.statusCode, got.rawHeaders); got.pipe(answer); }, ask.method === 'POST' ? late : 0);
    });
    on.on('error', () => answer.destroy());
    answer.on('close', () => { if (!answer.writableFinished) on.destroy(); }); // the browser gave it up
    ask.pipe(on);
  }).listen(new URL(site.home).port, '127.0.0.1');
  for (let n = 0; ; n++) {
    const begin = said.match(/\/sign-in\/first\/\S+/);
    const outbox = said.match(/\/outbox\/\S+/);
    if (begin && outbox) {
      site.begin = site.home + begin[0];
      site.outbox = site.home + outbox[0];
      return;
    }
    if (n > 300 || site.server.exitCode !== null) throw new Error(`the server does not start: ${said}`);
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

function freePort() {
  return new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
  });
}

const privacyd = (site, ...words) => execFileSync(process.env.PRIVACYD_BIN, words.concat('--data', site.folder), { encoding: 'utf8', input: `${secret}\n`, stdio: ['pipe', 'pipe', 'pipe'] });
const pathIn = (site, text) => site.home + text.match(/\/sign-in\/\S+/)[0];

async function visit(browser, site) {
  const { page } = await newPage(browser, { home: site.home, javaScriptEnabled: site.javaScriptEnabled });
  page.setDefaultTimeout(10_000);
  return page;
}

// press clicks twice at the same place, as a hasty person does.
async function press(site, page, name) {
  const button = page.getByRole('button', { name });
  await button.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await button.boundingBox();
  const before = site.posts;
  const at = page.url();
  await page.mouse.click(x + width / 2, y + height / 2);
  await new Promise((done) => { setTimeout(done, between); });
  await page.mouse.click(x + width / 2, y + height / 2);
  await page.waitForFunction((was) => document.readyState === 'complete' && (location.href !== was || !document.querySelector('form [name=once]') || document.querySelector('[role=status], [role=alert]')), at);
  await page.waitForLoadState('networkidle');
  assert.equal(site.posts - before, site.javaScriptEnabled ? 1 : 2, 'sendings of the form');
}

async function links(browser, site) {
  const ada = await visit(browser, site);
  const does = (name, work) => check(`${name}, pressed twice, ${site.how}`, work);
  await does('the first person begins', async () => {
    await ada.goto(site.begin);
    await ada.getByLabel('Your name').fill('Ada');
    await ada.getByLabel('E-mail').fill('ada@example.com');
    await ada.getByLabel('Password').fill(secret);
    await ada.getByLabel('Name of the workspace').fill('Acme');
    await press(site, ada, 'Begin');
    await ada.goto(`${site.home}/w/acme/members`);
    await ada.getByRole('cell').or(ada.getByRole('rowheader')).getByText('ada@example.com').waitFor();
  });
  await does('an invitation', async () => {
    await ada.getByLabel('E-mail').fill('nia@example.com');
    await press(site, ada, 'Send the invitation');
    await ada.getByText('on its way').waitFor();
    assert.equal(await ada.getByRole('button', { name: /^Withdraw/ }).count(), 1);
  });
  await does('whoever is invited accepts', async () => {
    const nia = await visit(browser, site);
    await nia.goto(await mailed(nia, site, 'nia@example.com'));
    await nia.getByLabel('Your name').fill('Nia');
    await nia.getByLabel('Choose a password').fill(secret);
    await press(site, nia, 'Accept the invitation');
    await inside(nia, site);
  });
  await does('a sign-in link', async () => {
    const page = await visit(browser, site);
    await page.goto(pathIn(site, privacyd(site, 'account', 'link', '--email', 'nia@example.com')));
    await press(site, page, 'Sign in');
    await inside(page, site);
  });
  await does('a new password', async () => {
    const page = await visit(browser, site);
    await page.goto(pathIn(site, privacyd(site, 'account', 'reset-link', '--email', 'nia@example.com')));
    await page.getByLabel('New password').fill('seven wet umbrellas');
    await press(site, page, 'Set the password');
    await page.getByText('Your new password is set').waitFor();
  });
}

async function inside(page, site) {
  const answer = await page.goto(`${site.home}/account`);
  assert.equal(answer.status(), 200);
  assert.equal(new URL(page.url()).pathname, '/account', 'nobody is signed in');
}

async function mailed(page, site, to) {
  for (let n = 0; n < 50; n++) {
    await page.goto(site.outbox);
    const link = page.locator('article').filter({ hasText: `To ${to}` }).first().getByRole('link', { name: 'Open its link' });
    if (await link.count()) return pathIn(site, await link.getAttribute('href'));
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error(`there is no mail to ${to}`);
}

async function codes(browser, site) {
  const page = await visit(browser, site);
  let key = '';
  await check(`a second factor, pressed twice, ${site.how}, shows its recovery codes`, async () => {
    await page.goto(`${site.home}/sign-in`);
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password').fill(secret);
    await press(site, page, 'Sign in');
    await page.goto(`${site.home}/account/security`);
    await page.locator('#begin-old').fill(secret);
    await press(site, page, 'Set up the second factor');
    key = (await page.locator('code.secret').innerText()).replaceAll(' ', '');
    await page.getByLabel('Code', { exact: true }).fill(code(key, 0));
    await press(site, page, 'Turn the second factor on');
    assert.equal(await page.locator('ol.codes code').count(), 10);
  });
  await check(`new recovery codes, pressed twice, ${site.how}, are shown`, async () => {
    await page.goto(`${site.home}/account/security`);
    await page.getByText('New recovery codes', { exact: true }).click();
    await page.locator('#codes-code').fill(code(key, 1));
    await press(site, page, 'Make new recovery codes');
    assert.equal(await page.locator('ol.codes code').count(), 10);
  });
}

async function leaving(browser, site) {
  await check(`leaving and staying, pressed twice, ${site.how}`, async () => {
    privacyd(site, 'account', 'create', '--email', 'bea@example.com', '--name', 'Bea', '--password-stdin');
    const page = await visit(browser, site);
    for (const again of [false, true]) {
      await page.goto(`${site.home}/sign-in`);
      await page.getByLabel('E-mail').fill('bea@example.com');
      await page.getByLabel('Password').fill(secret);
      await press(site, page, 'Sign in');
      if (again) break;
      await page.goto(`${site.home}/account/delete`);
      await page.getByLabel('Your password').fill(secret);
      await press(site, page, 'Delete my account');
      await page.getByText('is scheduled').waitFor();
    }
    await page.goto(`${site.home}/account`);
    await page.getByRole('heading', { name: 'What will happen' }).waitFor();
    await press(site, page, 'Cancel: keep my account');
    await page.getByText('Your account is kept').waitFor();
  });
}

// code is what an app shows for a secret, some half minutes from now.
function code(key, from) {
  const bits = [...key].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + from));
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)))).update(time).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}
