// What ends a session or an account, each form of it sent twice at once by
// somebody of whom nobody needs anything afterwards: it happens once.
import assert from 'node:assert/strict';
import { check } from './harness.mjs';
import { code } from './people.mjs';

const next = 'quite another password';

// leaver is who leaves in the end.
export const leaver = 'leaving@example.com';

// own is given what every.mjs knows of its server: how to sign somebody in, and
// to send a form twice.
export async function own(browser, site, { enter, sendTwice }) {
  const email = leaver;
  const person = { browser, site, email, enter, password: 'a password for trying out' };
  person.once = (name, path, action, did, values) => check(`${name}, sent twice at once, does one thing`, async () => {
    await person.page.goto(site.home + path);
    const done = await sendTwice(site, person.page, person.page.locator(`form[action$="${action}"]`).first(), values);
    assert.deepEqual(Object.keys(done), did, 'it did not do what it is for');
  });
  await begin(person);
  await factor(person);
  await sessions(person);
  await goes(person);
  await person.visit.context.close();
}

async function begin(person, words) {
  await person.visit?.context.close();
  person.visit = await person.enter(person.browser, person.site, person.email, person.password, words);
  person.page = person.visit.page;
}

async function factor(person) {
  const { page, once } = person;
  let secret = '';
  await check('a second factor is begun', async () => {
    await page.goto(`${person.site.home}/account/security`);
    await page.locator('#begin-old').fill(person.password);
    await page.getByRole('button', { name: 'Set up the second factor' }).click();
    secret = (await page.locator('code.secret').innerText()).replaceAll(' ', '');
  });
  await once('the second factor on', '/account/second-factor', '/account/second-factor/confirm', ['account.second_factor.on'], { code: code(secret, -1) });
  await once('new recovery codes', '/account/security', '/account/recovery-codes', ['account.second_factor.codes'], { code: code(secret) });
  await once('the second factor off', '/account/security', '/account/second-factor/off', ['account.second_factor.off'], { old: person.password, code: code(secret, 1) });
}

async function sessions(person) {
  const { browser, site, once } = person;
  const others = [];
  for (let n = 0; n < 3; n++) others.push(await person.enter(browser, site, person.email, person.password));
  await once('the end of a session', '/account/security', '/end', ['session.end']);
  await once('the end of all other sessions', '/account/security', '/account/sessions/others', ['session.end']);
  await check('sessions that were ended are over', async () => {
    for (const { page, context } of others) {
      await page.goto(`${site.home}/account`);
      assert.match(page.url(), /\/sign-in/);
      await context.close();
    }
  });
  await once('a new password', '/account/security', '/account/password', ['account.password'], { old: person.password, password: next });
  person.password = next;
  await once('signing out', '/account', '/sign-out', ['session.delete']);
  await begin(person); // with the new password
}

// goes deletes the account, thinks better of it, and deletes it for good.
async function goes(person) {
  const { site, once } = person;
  const leave = async () => {
    await once('the deletion of one\'s account', '/account/delete', '/account/delete', ['account_deletion.create'], { password: person.password });
    await begin(person, /\/account/);
  };
  await leave();
  await once('thinking better of it', '/account', '/account/leaving/cancel', ['account_deletion.cancel']);
  await leave();
  await once('the end of the grace period', '/account', '/account/leaving/now', ['account_deletion.waive'], { password: person.password });
  await check('the account is gone', async () => {
    await person.page.goto(`${site.home}/account`);
    assert.match(person.page.url(), /\/sign-in/);
  });
}
