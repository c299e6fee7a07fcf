import assert from 'node:assert/strict';
import { accessible, address, check, signInLink } from './harness.mjs';

// signIn gives the path of the workspace that the link's account is led to.
export async function signIn({ page }) {
  await check('a page needs a session and leads back to itself', async () => {
    await page.goto(`${address}/w/acme/audit`);
    assert.match(page.url(), /\/sign-in\?next=%2Fw%2Facme%2Faudit$/);
    await accessible(page);
  });
  await check('a wrong password is told without saying what is wrong', async () => {
    await page.getByLabel('E-mail').fill('nobody@example.com');
    await page.getByLabel('Password').fill('not a password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The e-mail address or the password is wrong.').waitFor();
    assert.equal(await page.getByLabel('E-mail').inputValue(), 'nobody@example.com');
    await accessible(page);
  });
  let workspace;
  await check('a sign-in link asks first, then signs in', async () => {
    await page.goto(signInLink);
    await accessible(page);
    await page.reload(); // a preview must not use it up
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/\/w\/[^/]+\/data-privacy$/);
    workspace = new URL(page.url()).pathname.split('/').slice(0, 3).join('/');
  });
  await check('a sign-in link works once', async () => {
    const again = await page.context().browser().newContext();
    const other = await again.newPage();
    await other.goto(signInLink);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('heading', { name: 'This link does not work' }).waitFor();
    await accessible(other);
    await again.close();
  });
  return workspace;
}

export async function signOut({ page }, workspace) {
  await check('signing out ends the session', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await page.goto(address + workspace + '/data-privacy');
    assert.match(page.url(), /\/sign-in/);
  });
}
