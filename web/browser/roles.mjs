// An agent and an auditor, each from signing in to the end of their work: what
// the role is for can be done, nothing that is shown is refused, and what is not
// theirs is refused as designed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accessible, check } from './harness.mjs';

export async function rolesEndToEnd(browser, site, { enter }) {
  const admin = await enter(browser, site, 'admin@example.com');
  await tokens(site, admin);
  await admin.context.close();
  const agent = await enter(browser, site, 'agent@example.com');
  await agentWorks(site, agent);
  await reaches(site, agent, 'agent', {
    403: ['audit', 'members', 'tokens', 'holds', 'bulk', 'delete-contact', 'delete-workspace', 'receipts', 'encryption', `jobs/${site.names.waiting}/plan`],
    404: ['nothing', 'jobs/nothing', 'contact?id=nobody'],
  });
  await nothingIsRefused(site, agent, 'agent', ['data-privacy', 'contacts', 'contact?id=c-1', 'contact/conversation?conversation=v-1', 'jobs', `jobs/${site.names.waiting}`, 'retention', 'residency', 'legal']);
  await agent.context.close();
  const auditor = await enter(browser, site, 'auditor@example.com');
  await auditorWorks(site, auditor);
  await reaches(site, auditor, 'auditor', {
    403: ['data-privacy', 'contacts', 'contact?id=c-1', 'jobs', 'members', 'tokens', 'holds', 'bulk', 'sizes', 'delete-contact', 'delete-workspace', `jobs/${site.names.waiting}`],
    404: ['nothing', 'jobs/nothing/receipt'],
  });
  await nothingIsRefused(site, auditor, 'auditor', ['audit', 'receipts', `jobs/${site.names.done}/receipt`, 'encryption', 'retention', 'residency', 'legal']);
  await auditor.context.close();
}

async function tokens(site, { page }) {
  await check('an admin makes an API token, which is shown once, and revokes it', async () => {
    await page.goto(`${site.home}/w/acme/tokens`);
    await page.getByLabel('What it is for').fill('Nightly');
    await page.getByRole('checkbox', { name: 'Read records' }).check();
    await page.getByRole('button', { name: 'Make the token' }).dblclick();
    const secret = await page.locator('#token-secret').innerText();
    await accessible(page);
    const ask = () => fetch(`${site.home}/v1/workspaces/acme/contacts/c-1`, { headers: { Authorization: `Bearer ${secret}` } }).then((r) => r.status);
    assert.notEqual(await ask(), 401);
    await page.getByRole('link', { name: 'I have kept it' }).click();
    const row = page.getByRole('row').filter({ hasText: 'Nightly' });
    assert.equal(await row.count(), 1, 'a double click makes two');
    await row.locator('summary').click();
    await row.getByRole('button', { name: 'Revoke the token' }).click();
    await page.getByRole('status').getByText('The token is revoked').waitFor();
    assert.equal(await ask(), 401);
  });
}

async function agentWorks(site, { page }) {
  await check('an agent finds a contact, exports them and downloads the archive', async () => {
    assert.match(page.url(), /\/w\/acme\/data-privacy$/);
    await page.getByLabel('Find the person to export').pressSequentially('p7@example');
    await page.getByRole('button', { name: /^Export JSON of Made-up person 7,/ }).click();
    const link = page.getByRole('link', { name: 'Download archive' });
    await link.waitFor({ timeout: 60_000 });
    const bytes = await fetched(page, link);
    assert.equal(bytes.subarray(0, 2).toString(), 'PK');
    await accessible(page);
  });
  await check('an agent sees what waits for an admin, and can decide nothing of it', async () => {
    await page.getByRole('link', { name: 'Jobs' }).first().click();
    await page.getByText('Waits', { exact: false }).first().waitFor();
    assert.equal(await page.getByRole('link', { name: /^Decide/ }).count(), 0);
    await page.goto(`${site.home}/w/acme/jobs/${site.names.waiting}`);
    assert.equal(await page.getByRole('link', { name: /plan/i }).count(), 0);
    assert.equal(await page.getByRole('button', { name: /confirm|approve|refuse/i }).count(), 0);
  });
  await check('a list is sorted by the keyboard, also on a phone, and its order is in the address', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(`${site.home}/w/acme/jobs?kind=exports`);
    const head = page.getByRole('columnheader', { name: 'Ended' });
    await head.getByRole('link').press('Enter');
    await page.waitForURL(/kind=exports&sort=ended/);
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    assert.ok(await head.getByRole('link').isVisible());
    assert.ok((await head.getByRole('link').boundingBox()).height > 8, 'the heading is clipped');
    await accessible(page);
    await page.setViewportSize({ width: 1280, height: 900 });
  });
  await check('on a contact\'s page an agent is offered the export alone', async () => {
    await page.goto(`${site.home}/w/acme/contact?id=c-7`);
    await page.locator('summary', { hasText: '⋯' }).click();
    await page.getByRole('button', { name: 'Export contact JSON' }).waitFor();
    for (const name of ['Place hold', 'Delete']) assert.equal(await page.getByRole('link', { name, exact: true }).count(), 0, name);
    const answer = await page.request.post(`${site.home}/w/acme/delete-contact`, { form: { kind: 'contact', id: 'c-7', plan_hash: 'x', name: 'x' }, maxRedirects: 0 });
    assert.equal(answer.status(), 403);
  });
}

async function auditorWorks(site, { page }) {
  await check('an auditor begins at the audit log, and filters it by its address', async () => {
    assert.match(page.url(), /\/w\/acme\/audit$/);
    await page.getByLabel('Action').selectOption('subject_deletion.create');
    await page.getByRole('button', { name: 'Filter' }).click();
    assert.equal(new URL(page.url()).searchParams.get('action'), 'subject_deletion.create');
    assert.ok(await page.locator('.log > li').count() > 0);
    await accessible(page);
  });
  await check('an auditor proves an entry, and exports what the filter shows', async () => {
    await page.locator('.log > li summary').first().click();
    const proof = page.getByRole('link', { name: /^Download the proof/ }).first();
    assert.match((await fetched(page, proof)).toString(), /^c2sp\.org\/tlog-proof@v1/);
    assert.match((await fetched(page, page.getByRole('link', { name: 'Export CSV' }))).toString(), /^Timestamp,Actor,Action/);
    assert.match((await fetched(page, page.getByRole('link', { name: 'Export JSON' }))).toString(), /subject_deletion\.create/);
  });
  await check('an auditor has the whole log verified', async () => {
    await page.goto(`${site.home}/w/acme/audit`);
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('The log is whole and unaltered').waitFor({ timeout: 60_000 });
    await accessible(page);
  });
  await check('an auditor reads a receipt and keeps it', async () => {
    await page.getByRole('link', { name: 'Receipts' }).first().click();
    await page.getByRole('link', { name: 'Contact deletion' }).first().click();
    const file = await fetched(page, page.getByRole('link', { name: 'Download receipt (JSON)' }));
    assert.equal(JSON.parse(file).operation, 'subject_deletion');
  });
}

// reaches asks for pages by their addresses.
async function reaches(site, { page }, role, wanted) {
  await check(`what is not an ${role}'s is refused at its address, in words`, async () => {
    for (const [status, paths] of Object.entries(wanted)) {
      for (const path of paths) {
        const answer = await page.goto(`${site.home}/w/acme/${path}`);
        assert.equal(answer.status(), Number(status), path);
        assert.ok((await page.locator('main').innerText()).length > 40, `${path} says nothing`);
      }
    }
    assert.equal((await page.goto(`${site.home}/w/elsewhere/legal`)).status(), 404);
  });
}

// nothingIsRefused follows each link that the role is shown. That each of its
// forms may be sent every.mjs finds out, which sends them.
async function nothingIsRefused(site, { page }, role, paths) {
  await check(`no link that an ${role} sees is refused`, async () => {
    const links = new Set();
    for (const path of paths) {
      assert.equal((await page.goto(`${site.home}/w/acme/${path}`)).status(), 200, path);
      for (const href of await page.locator('a[href]').evaluateAll((all) => all.map((a) => a.href.split('#')[0]))) {
        if (href.startsWith(site.home)) links.add(href.replace(/\?.*(before|sort)=.*/, ''));
      }
    }
    assert.ok(links.size > 10, 'there are hardly any links');
    for (const link of links) {
      const answer = await page.request.get(link, { maxRedirects: 5 });
      assert.ok(answer.status() < 400, `${link} answers ${answer.status()}`);
    }
  });
}

// fetched is the file that a link gives.
async function fetched(page, link) {
  const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const bytes = readFileSync(await file.path());
  await file.delete();
  return bytes;
}
