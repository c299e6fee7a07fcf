// Contacts, deletions, jobs and receipts: by each role, by two at once, with
// and without scripts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { accessible, address, check, eventsAlone, fits, newPage } from './harness.mjs';

const secret = 'a password for trying out';
const mark = '"><img src=x onerror=window.pwned=1><script>window.pwned=1</script>';

export async function deletions(browser, visit, workspace) {
  const { page } = visit;
  await check('records to delete', () => people(page, workspace));
  await contacts(visit, workspace);
  await deleteContact(visit, workspace);
  await twiceAtOnce(browser, visit, workspace);
  await liveWhateverTheProxy(browser, visit, workspace);
  await proposed(visit, workspace);
  await withoutScripts(browser, visit, workspace);
  await roles(browser, workspace);
  await closing(browser, visit, workspace);
  await looks(browser, visit, workspace);
  await check('nothing that was planted in the records ran', async () => {
    for (const path of ['contacts', 'contacts?q=z', `contact?id=${encodeURIComponent(`z-${mark}`)}`, `delete-contact?id=${encodeURIComponent(`z-${mark}`)}`, 'jobs']) {
      await page.goto(`${address}${workspace}/${path}`);
      assert.equal(await page.evaluate(() => window.pwned), undefined, path);
    }
  });
}

async function contacts({ page }, workspace) {
  await check('contacts are found as one types, and by the button', async () => {
    await page.goto(`${address}${workspace}/contacts`);
    await accessible(page);
    await page.getByLabel('Find a contact').pressSequentially('to-delete-0');
    await page.getByRole('status').getByText('1 contact matches').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/contacts\?q=to-delete-0$/);
    await page.getByRole('link', { name: 'Dora Delete' }).click();
    await page.getByRole('heading', { name: 'Dora Delete', level: 1 }).waitFor();
    await accessible(page);
  });
  await check('the menu of a profile opens and closes by keyboard', async () => {
    const more = page.locator('#more');
    await more.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Export contact JSON' }).waitFor();
    await accessible(page);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Export contact JSON' }).waitFor({ state: 'hidden' });
    assert.ok(await more.evaluate((e) => e === document.activeElement), 'the focus is lost');
  });
  await check('conversation, message and file can be seen', async () => {
    await page.getByRole('link', { name: 'talk-0' }).click();
    await page.getByText('Please forget me').waitFor();
    await accessible(page);
  });
  await check('a contact is exported from its profile, once', async () => {
    await page.goto(`${address}${workspace}/contact?id=to-delete-0`);
    await page.locator('#more').click();
    await page.getByRole('button', { name: 'Export contact JSON' }).dblclick();
    await page.getByRole('link', { name: 'Download archive' }).waitFor();
  });
}

async function deleteContact({ page }, workspace) {
  await check('deleting a contact: search, plan, name, result', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByLabel('Find a contact').pressSequentially('Dora');
    await page.getByRole('link', { name: /See the plan.*Dora Delete/ }).click();
    await page.getByRole('heading', { name: 'Delete Dora Delete' }).waitFor();
    await page.getByRole('row', { name: /Messages.*Deleted.*1/ }).waitFor();
    await page.getByText('The plan in sentences').click();
    await page.getByText('This erases one contact and everything that belongs to them.').waitFor();
    await accessible(page);
    await page.getByLabel('Name', { exact: true }).fill('dora');
    await page.getByRole('button', { name: 'Delete Dora Delete' }).click();
    await page.getByRole('alert').getByText('That is not the name').waitFor();
    await accessible(page);
    await page.getByLabel('Name', { exact: true }).fill('Dora Delete');
    await page.getByRole('button', { name: 'Delete Dora Delete' }).dblclick();
    await page.waitForURL(/\/jobs\/[^/]+$/);
    await page.getByRole('link', { name: 'Receipt', exact: true }).waitFor();
    await page.getByText('looking again found nothing left').waitFor();
    await accessible(page);
  });
  await check('the receipt can be read, kept and printed', async () => {
    await page.getByRole('link', { name: 'Receipt', exact: true }).click();
    await page.getByRole('heading', { name: 'Receipt: a contact was erased' }).waitFor();
    await accessible(page);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download receipt' }).click()]);
    const receipt = readFileSync(await file.path(), 'utf8');
    assert.ok(JSON.parse(receipt).signature.value);
    assert.ok(!receipt.includes('Dora') && !receipt.includes('to-delete-0'), 'the receipt names the person');
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.getByRole('navigation').first().isHidden(), 'the navigation is printed');
    await page.emulateMedia({ media: 'screen' });
  });
  await check('the person is gone', async () => {
    await page.goto(`${address}${workspace}/contacts?q=Dora`);
    await page.getByText('No contact matches “Dora”').waitFor();
    assert.equal((await page.goto(`${address}${workspace}/contact?id=to-delete-0`)).status(), 404);
  });
}

// twiceAtOnce has two people confirm the same plan.
async function twiceAtOnce(browser, { context }, workspace) {
  const storageState = await context.storageState();
  const both = await Promise.all([1, 2].map(() => newPage(browser, { storageState })));
  await check('two who delete the same contact get the same job', async () => {
    for (const { page } of both) {
      await page.goto(`${address}${workspace}/delete-contact?kind=contact&id=to-delete-1`);
      await page.getByLabel('Name', { exact: true }).fill('Person 1');
    }
    await Promise.all(both.map(async ({ page }) => {
      await page.getByRole('button', { name: 'Delete Person 1' }).click();
      await page.waitForURL(/\/jobs\//);
    }));
    const [one, two] = both.map(({ page }) => new URL(page.url()).pathname);
    assert.equal(one, two);
  });
  for (const { context } of both) await context.close();
}

// liveWhateverTheProxy follows a job where a proxy swallows the events, and
// where it does not.
async function liveWhateverTheProxy(browser, { context }, workspace) {
  const storageState = await context.storageState();
  for (const [how, swallow] of [['by events', false], ['by asking, where events are swallowed', true]]) {
    const { page, context: own } = await newPage(browser, { storageState });
    await check(`a job is followed ${how}`, async () => {
      const asked = [];
      page.on('request', (r) => { if (/\/progress$/.test(r.url())) asked.push(r.url()); });
      if (swallow) await page.route('**/jobs/events*', () => {}); // never answered
      else await eventsAlone(page);
      await page.goto(`${address}${workspace}/data-privacy`);
      await page.getByRole('button', { name: 'Export workspace → CSV' }).click();
      await page.waitForURL(/\/jobs\//);
      const pending = await page.evaluate(() => { window.sameDocument = true; return !!document.getElementById('refresh'); });
      await page.getByRole('link', { name: 'Download archive' }).waitFor({ timeout: 60_000 });
      assert.equal(await page.evaluate(() => window.sameDocument), true);
      if (pending) assert.ok(asked.length > 0, 'the page was not told');
      if (pending && !swallow) assert.ok(await page.evaluate(() => window.heard.change) > 0, 'it was not events that told the page');
    });
    await own.close();
  }
}

// proposed confirms what a program asked for.
async function proposed({ page }, workspace) {
  await check('what a program proposes is confirmed by a person', async () => {
    const job = JSON.parse(privacyd('job', 'create', '--workspace', slug(workspace), '--type', 'subject_deletion', '--contact', 'to-delete-2', '--json'));
    await page.goto(`${address}${workspace}/jobs?state=waiting`);
    await accessible(page);
    await page.locator(`#job-${job.id}`).getByRole('link', { name: /^Decide/ }).click();
    await page.getByRole('heading', { name: 'The plan of this job' }).waitFor();
    await accessible(page);
    await page.getByLabel('Name', { exact: true }).fill('Person 2');
    await page.getByRole('button', { name: 'Confirm the deletion' }).click();
    await page.getByRole('link', { name: 'Receipt', exact: true }).waitFor();
  });
}

async function withoutScripts(browser, { context }, workspace) {
  const storageState = await context.storageState();
  const { page, context: own } = await newPage(browser, { storageState, javaScriptEnabled: false });
  await check('without JavaScript: one person is looked for and exported', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByLabel('Find the person to export').fill('Person 4');
    await page.getByRole('region', { name: 'Single contact' }).getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: /^Export JSON of Person 4/ }).click();
    await page.getByRole('heading', { name: 'Contact export' }).waitFor();
  });
  await check('without JavaScript: search, plan, delete, receipt', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByLabel('Find a contact to delete').fill('Person 3');
    await page.getByRole('region', { name: 'Delete a contact' }).getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: /See the plan.*Person 3/ }).click();
    await page.getByLabel('Name', { exact: true }).fill('Person 3');
    await page.getByRole('button', { name: 'Delete Person 3' }).click();
    const refresh = page.getByRole('link', { name: 'Refresh to see the progress' });
    for (let n = 0; n < 500 && await refresh.count(); n++) await refresh.click();
    await page.getByRole('link', { name: 'Receipt', exact: true }).click();
    await page.getByRole('heading', { name: 'Receipt: a contact was erased' }).waitFor();
    await page.goto(`${address}${workspace}/contact?id=to-delete-4`);
    await page.locator('#more').click();
    await page.getByRole('link', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Delete Person 4' }).waitFor();
  });
  await own.close();
}

// roles signs in an agent and an auditor.
async function roles(browser, workspace) {
  for (const role of ['agent', 'auditor']) {
    const { page, context } = await newPage(browser);
    await check(`an ${role} sees and does what the role may`, async () => {
      const email = `${role}@deletion.example.com`;
      privacyd('account', 'create', '--email', email, '--name', `The ${role}`, '--password-stdin');
      privacyd('workspace', 'member', '--workspace', slug(workspace), '--email', email, '--role', role);
      await page.goto(`${address}/sign-in`);
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel('Password').fill(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(/\/w\//);
      const mayRead = role === 'agent';
      for (const [path, status] of [['contacts', mayRead ? 200 : 403], ['jobs', mayRead ? 200 : 403], ['receipts', mayRead ? 403 : 200],
        ['delete-contact?id=to-delete-4', 403], ['delete-workspace', 403]]) {
        assert.equal((await page.goto(`${address}${workspace}/${path}`)).status(), status, path);
      }
      await page.goto(`${address}${workspace}/${mayRead ? 'jobs' : 'receipts'}`);
      const names = await page.getByRole('navigation', { name: 'Settings' }).first().getByRole('link').allInnerTexts();
      assert.equal(names.some((n) => n.includes('Contacts')), mayRead);
      assert.equal(names.some((n) => n.includes('Receipts')), !mayRead);
    });
    if (role === 'agent') {
      await check('an agent exports a contact and is not offered to delete it', async () => {
        await page.goto(`${address}${workspace}/contact?id=to-delete-4`);
        await page.locator('#more').click();
        assert.equal(await page.getByRole('link', { name: 'Delete' }).count(), 0);
        await page.getByRole('button', { name: 'Export contact JSON' }).click();
        await page.getByRole('link', { name: 'Download archive' }).waitFor();
      });
    }
    await context.close();
  }
}

// closing deletes the workspace and keeps it.
async function closing(browser, { page, context }, workspace) {
  await check('the workspace is deleted after 30 days, and kept', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByRole('link', { name: 'Delete this workspace…' }).click();
    await page.getByRole('heading', { name: 'Delete the workspace', level: 1 }).waitFor();
    await accessible(page);
    await page.getByLabel('Name', { exact: true }).fill('something else');
    await page.getByRole('button', { name: 'Delete the workspace' }).click();
    await page.getByRole('alert').getByText('That is not the name').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Acme');
    await page.getByRole('button', { name: 'Delete the workspace' }).dblclick();
    await page.waitForURL(/\/jobs\/[^/]+$/);
    await page.locator('#job-state', { hasText: 'Scheduled' }).waitFor();
    await accessible(page);
  });
  await check('every page says so, in light and dark, down to 360 px', async () => {
    const storageState = await context.storageState();
    for (const colorScheme of ['light', 'dark']) {
      const visit = await newPage(browser, { storageState, colorScheme, viewport: { width: 360, height: 740 } });
      for (const path of ['contacts', 'data-privacy', 'jobs', 'audit']) {
        await visit.page.goto(`${address}${workspace}/${path}`);
        await visit.page.getByRole('region', { name: 'This workspace is being deleted' }).getByText('Read-only.').waitFor();
        await accessible(visit.page);
        await fits(visit.page);
      }
      await visit.context.close();
    }
  });
  await check('the banner keeps the workspace', async () => {
    await page.goto(`${address}${workspace}/contacts`);
    await page.getByRole('button', { name: 'Cancel the deletion' }).click();
    await page.locator('#job-state', { hasText: 'Cancelled' }).waitFor();
    await page.goto(`${address}${workspace}/contacts`);
    assert.equal(await page.getByRole('region', { name: 'This workspace is being deleted' }).count(), 0);
  });
}

// looks sees each page in light and dark, from a phone to a wall.
async function looks(browser, { page, context }, workspace) {
  await page.goto(`${address}${workspace}/jobs?kind=deletions&state=ended`);
  const receipt = await page.getByRole('link', { name: /^Receipt/ }).and(page.locator('a[href$="/receipt"]')).first().getAttribute('href');
  const paths = ['/contacts', '/contacts?q=nobody', '/contact?id=to-delete-4', '/contact/conversation?conversation=talk-4', '/delete-contact?q=to', '/delete-contact?id=to-delete-4',
    '/delete-contact?id=unknown', '/delete-workspace', '/jobs', '/jobs?kind=exports&state=waiting', '/receipts',
    `/contact?id=${encodeURIComponent(`z-${mark}`)}`].map((path) => workspace + path);
  paths.push(receipt, receipt.replace(/receipt$/, 'review'), receipt.replace(/\/receipt$/, ''));
  const storageState = await context.storageState();
  for (const [colorScheme, width, height] of [['light', 1280, 900], ['dark', 360, 740], ['light', 3840, 2160]]) {
    const visit = await newPage(browser, { storageState, colorScheme, viewport: { width, height } });
    for (const path of paths) {
      await check(`${path.replace(/[0-9a-f-]{36}/, '…').slice(0, 60)} is accessible and fits, ${colorScheme}, ${width} px`, async () => {
        await visit.page.goto(address + path);
        await accessible(visit.page);
        await fits(visit.page);
      });
    }
    await check(`nothing to complain about, ${colorScheme}, ${width} px`, () => assert.deepEqual(visit.complaints, []));
    await visit.context.close();
  }
}

function privacyd(...words) {
  return execFileSync(process.env.PRIVACYD_BIN, words.concat('--data', process.env.PRIVACYD_DATA), { encoding: 'utf8', input: `${secret}\n` });
}

const slug = (workspace) => workspace.split('/').pop();

async function people(page, workspace) {
  const lines = [];
  const add = (collection, record) => lines.push(JSON.stringify({ collection, record }));
  for (let i = 0; i < 5; i++) {
    add('contacts', { id: `to-delete-${i}`, name: i ? `Person ${i}` : 'Dora Delete', email: `to-delete-${i}@example.net` });
    add('conversations', { id: `talk-${i}`, contact_id: `to-delete-${i}`, channel: 'email', status: 'open', created_at: '2026-03-01T10:00:00Z' });
    add('messages', { id: `word-${i}`, conversation_id: `talk-${i}`, direction: 'inbound', body: 'Please forget me', ai_metadata: { mood: mark }, created_at: '2026-03-01T10:01:00Z' });
    add('attachments', { id: `file-${i}`, record_type: 'message', record_id: `word-${i}`, filename: `letter "${i}".txt`, content_type: 'text/plain', content_base64: 'Zm9yZ2V0IG1l' });
  }
  add('contacts', { id: `z-${mark}`, name: `z${mark}`, email: mark, phone: mark, company: mark, tags: [mark], custom_fields: { [mark]: mark }, identities: [{ kind: mark, value: mark }] });
  const answer = await page.request.post(`${address}/v1${workspace.replace('/w/', '/workspaces/')}/import`, {
    headers: { 'Content-Type': 'application/x-ndjson' }, data: Buffer.from(`${lines.join('\n')}\n`),
  });
  assert.ok(answer.ok(), `the import answers ${answer.status()}: ${(await answer.text()).slice(0, 300)}`);
}
