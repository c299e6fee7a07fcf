// How people get in and who belongs where, on a server on which nobody is yet.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { accessible, beginLink, check, fits, newPage, outbox } from './harness.mjs';

const home = new URL(beginLink).origin;
const password = 'correct horse battery';
const marker = '<img src=x onerror=alert(1)>'; // must be shown, never run

export async function people(browser) {
  const ada = await newPage(browser, { home });
  await begin(ada);
  const nia = await newPage(browser, { home });
  await invite(ada, nia);
  await roles(ada, nia);
  const { secret, codes } = await secondFactor(ada);
  await codeAtSignIn(browser, ada, secret, codes);
  await sessions(browser, ada, codes);
  await newPassword(browser, nia);
  await withoutScripts(browser);
  await looks(browser, ada);
  await check('nobody had anything to complain about', () => assert.deepEqual([...ada.complaints, ...nia.complaints], []));
}

async function begin({ page }) {
  await check('the first person is told what is wrong, and keeps what was typed', async () => {
    await page.goto(beginLink);
    await accessible(page);
    await page.getByLabel('Your name').fill(`Ada ${marker}`);
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password').fill('short');
    await page.getByLabel('Name of the workspace').fill(`Acme ${marker}`);
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('alert').getByText('at least 10 characters').waitFor();
    assert.equal(await page.getByLabel('E-mail').inputValue(), 'ada@example.com');
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    assert.equal(await page.getByLabel('Password').getAttribute('aria-invalid'), 'true');
    await accessible(page);
  });
  await check('the first person begins, once', async () => {
    await page.getByLabel('Password').fill(password);
    await page.getByLabel('Its short name').fill('acme');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.waitForURL(`${home}/w/acme/data-privacy?begun`);
    await page.getByRole('region', { name: /What comes next$/ }).getByRole('link', { name: 'Invite the others' }).waitFor();
    await accessible(page);
    await page.goto(beginLink);
    await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
    await accessible(page);
  });
}

async function invite({ page }, { page: guest }) {
  await check('an admin invites somebody', async () => {
    await page.goto(`${home}/w/acme/members`);
    await page.getByLabel('E-mail').fill('nia@example.com');
    await page.getByLabel('Role', { exact: true }).selectOption('auditor');
    await page.getByRole('button', { name: 'Send the invitation' }).dblclick();
    await page.getByRole('status').getByText('on its way').waitFor();
    assert.equal(await page.getByRole('button', { name: /^Withdraw/ }).count(), 1, 'a double click invites twice');
  });
  await check('whoever is invited sets a name and a password, and is in', async () => {
    await guest.goto(await mailed(guest, 'nia@example.com'));
    await guest.getByText('nia@example.com').waitFor();
    await accessible(guest);
    await guest.getByLabel('Your name').fill(`Nia ${marker}`);
    await guest.getByLabel('Choose a password').fill(password);
    await guest.getByRole('button', { name: 'Accept the invitation' }).click();
    await guest.waitForURL(`${home}/w/acme/audit`);
    assert.equal(await guest.getByRole('link', { name: 'Members' }).count(), 0, 'an auditor is offered the members');
    const refused = await guest.goto(`${home}/w/acme/members`);
    assert.equal(refused.status(), 403);
  });
}

async function roles({ page }, { page: guest }) {
  await check('a role is changed and works at once', async () => {
    await page.goto(`${home}/w/acme/members`);
    const row = page.getByRole('row', { name: /nia@example\.com/ });
    await row.getByRole('combobox').selectOption('agent');
    await row.getByRole('button', { name: /^Save/ }).click();
    await page.getByRole('status').getByText('The role is changed').waitFor();
    const answer = await guest.goto(`${home}/w/acme/data-privacy`);
    assert.equal(answer.status(), 200);
  });
  await check('the last admin cannot go', async () => {
    const row = page.getByRole('row', { name: /ada@example\.com/ });
    await row.getByText('make somebody else an admin first').waitFor();
    const me = await page.request.get(`${home}/v1/me`);
    const answer = await page.request.post(`${home}/w/acme/members/${(await me.json()).id}/remove`, { headers: { 'Sec-Fetch-Site': 'same-origin' } });
    assert.equal(answer.status(), 409);
    assert.match(await answer.text(), /last_admin/);
  });
  await check('a member is removed only when it is confirmed', async () => {
    await page.getByRole('row', { name: /nia@example\.com/ }).getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('heading', { name: /^Remove Nia/ }).waitFor();
    await accessible(page);
    await page.getByRole('link', { name: 'Keep' }).click();
    await page.getByRole('row', { name: /nia@example\.com/ }).getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('button', { name: 'Remove from the workspace' }).click();
    await page.getByRole('status').getByText('removed').waitFor();
    const answer = await guest.goto(`${home}/w/acme/data-privacy`);
    assert.equal(answer.status(), 404);
  });
}

async function secondFactor({ page }) {
  let secret = '';
  let codes = [];
  await check('a second factor is set up with the code of an app', async () => {
    await page.goto(`${home}/account/security`);
    await page.locator('#begin-old').fill(password);
    await page.getByRole('button', { name: 'Set up the second factor' }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await accessible(page);
    secret = (await page.locator('code.secret').innerText()).replaceAll(' ', '');
    await page.getByLabel('Code', { exact: true }).fill('000000');
    await page.getByRole('button', { name: 'Turn the second factor on' }).click();
    await page.getByRole('alert').getByText('That code is wrong').waitFor();
    await page.getByLabel('Code', { exact: true }).fill(code(secret));
    await page.getByRole('button', { name: 'Turn the second factor on' }).click();
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    await accessible(page);
    codes = await page.locator('ol.codes code').allInnerTexts();
    assert.equal(codes.length, 10);
  });
  return { secret, codes };
}

async function codeAtSignIn(browser, { page }, secret, codes) {
  await check('signing in asks for a code, and a recovery code works once', async () => {
    const visit = await newPage(browser, { home });
    await signIn(visit.page, 'ada@example.com', password);
    await visit.page.getByRole('heading', { name: 'Your code' }).waitFor();
    await accessible(visit.page);
    assert.equal(await visit.page.getByLabel('Code', { exact: true }).getAttribute('autocomplete'), 'one-time-code');
    await visit.page.getByLabel('Code', { exact: true }).fill(codes[0].toLowerCase());
    await visit.page.getByRole('button', { name: 'Sign in' }).click();
    await visit.page.waitForURL(/data-privacy/);
    await visit.context.close();
    await page.goto(`${home}/account/security`);
    await page.getByText('9 recovery codes are left.').waitFor();
  });
}

async function sessions(browser, { page }, codes) {
  await check('a session that one ends is over', async () => {
    const other = await newPage(browser, { home });
    await signIn(other.page, 'ada@example.com', password);
    await other.page.getByLabel('Code', { exact: true }).fill(codes[1]);
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.waitForURL(/data-privacy/);
    await page.goto(`${home}/account/security`);
    await accessible(page);
    await page.getByRole('button', { name: 'End all other sessions' }).click();
    await page.getByRole('status').getByText('All other sessions are ended').waitFor();
    await other.page.goto(`${home}/w/acme/audit`);
    assert.match(other.page.url(), /\/sign-in\?next=/);
    await other.context.close();
  });
  await check('the second factor is turned off with a recovery code', async () => {
    await page.getByText('Turn it off').click();
    await page.locator('#off-old').fill(password);
    await page.locator('#off-code').fill(codes[2]);
    await page.getByRole('button', { name: 'Turn the second factor off' }).click();
    await page.getByRole('status').getByText('The second factor is off').waitFor();
  });
}

async function newPassword(browser, { page: guest }) {
  const visit = await newPage(browser, { home });
  await check('a forgotten password is set anew by mail, and ends the sessions', async () => {
    const { page } = visit;
    await page.goto(`${home}/sign-in`);
    await page.getByRole('link', { name: 'Forgotten your password?' }).click();
    await accessible(page);
    await page.getByLabel('E-mail').fill('nia@example.com');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByText('If there is an account with that address').waitFor();
    await accessible(page);
    await page.goto(await mailed(page, 'nia@example.com', 'Set a new password'));
    await accessible(page);
    await page.getByLabel('New password').fill('seven wet umbrellas');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByRole('status').getByText('Your new password is set').waitFor();
    await signIn(page, 'nia@example.com', 'seven wet umbrellas');
    await page.getByRole('heading', { name: /no workspace/ }).waitFor();
    await guest.goto(`${home}/workspaces`);
    assert.match(guest.url(), /\/sign-in/);
  });
  await visit.context.close();
}

async function withoutScripts(browser) {
  const { page, context } = await newPage(browser, { home, javaScriptEnabled: false });
  await check('without JavaScript: sign in, invite, withdraw, sign out', async () => {
    await signIn(page, 'ada@example.com', password);
    await page.goto(`${home}/w/acme/members`);
    await page.getByLabel('E-mail').fill('zoe@example.com');
    await page.getByRole('button', { name: 'Send the invitation' }).click();
    await page.getByText('The invitation is on its way.').waitFor();
    await page.getByRole('button', { name: /Withdraw.*zoe/ }).click();
    await page.getByText('The invitation is withdrawn.').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await page.getByText('You are signed out.').waitFor();
  });
  await context.close();
}

// looks sees each page in light and dark, from a phone to a wall.
async function looks(browser, { context, page }) {
  await page.goto(`${home}/w/acme/members`);
  for (let n = 0; n < 2; n++) {
    await page.getByLabel('E-mail').fill(`somebody.with.a.very.long.address.${n}@a.long.domain.example.com`);
    await page.getByRole('button', { name: 'Send the invitation' }).click();
    await page.getByRole('status').waitFor();
  }
  const storageState = await context.storageState();
  const signedIn = ['/w/acme/members', '/account/security', new URL(outbox).pathname, '/outbox'];
  const strangers = ['/sign-in', '/sign-in/forgotten', '/sign-in/forgotten?sent', '/sign-in/reset/x', '/sign-in/first/x', '/sign-in/invitation/x'];
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of colorScheme === 'light' ? [[1280, 900], [3840, 2160]] : [[1280, 900], [360, 740]]) {
      for (const [state, paths] of [[storageState, signedIn], [undefined, strangers]]) {
        const visit = await newPage(browser, { home, storageState: state, colorScheme, viewport: { width, height } });
        for (const path of paths) {
          const name = path.startsWith('/outbox/') ? '/outbox/…' : path;
          await check(`${name} is accessible and fits, ${colorScheme}, ${width} px`, async () => {
            await visit.page.goto(home + path);
            await accessible(visit.page);
            await fits(visit.page);
          });
        }
        await check(`nothing to complain about, ${colorScheme}, ${width} px`, () => assert.deepEqual(visit.complaints, []));
        await visit.context.close();
      }
    }
  }
}

async function signIn(page, email, words) {
  await page.goto(`${home}/sign-in`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(words);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// mailed gives the link of the newest mail to somebody; it is queued, so that
// it may take a moment.
async function mailed(page, to, subject = '') {
  const letter = page.locator('article').filter({ hasText: `To ${to}` }).filter({ hasText: subject }).first();
  for (let n = 0; n < 100; n++) {
    await page.goto(outbox);
    if (await letter.count()) return letter.getByRole('link', { name: 'Open its link' }).getAttribute('href');
  }
  throw new Error(`no mail to ${to}`);
}

// code is what an app shows (RFC 6238), some steps of half a minute from now.
export function code(secret, steps = 0) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const sum = createHmac('sha1', key).update(step).digest();
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
