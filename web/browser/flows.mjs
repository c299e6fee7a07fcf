import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, address, check } from './harness.mjs';

export async function exportWorkspace({ page }, workspace) {
  await check('records for an export that takes a moment', async () => {
    for (let from = 0; from < 200_000; from += 50_000) await addContacts(page, workspace, from, from + 50_000);
  });
  await check('an export shows its progress and is ready without a reload', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('button', { name: 'Export workspace → JSON' }).click();
    await page.waitForURL(/\/jobs\//);
    await page.evaluate(() => { window.sameDocument = true; });
    assert.match(await page.locator('#job-state').innerText(), /Waiting|Running/);
    await page.locator('#cancel').focus();
    await page.evaluate(() => { // more often than the page asks, so as not to miss a short export
      setInterval(() => document.querySelector('#refresh')?.dispatchEvent(new Event('refresh')), 50);
    });
    const focused = await page.waitForFunction(() => document.querySelector('progress') && document.activeElement.id);
    assert.equal(await focused.jsonValue(), 'cancel', 'an update takes the focus away');
    await accessible(page);
    await page.getByRole('link', { name: 'Download archive' }).waitFor();
    assert.match(await page.locator('#job-state').innerText(), /^Ready/);
    assert.equal(await page.evaluate(() => window.sameDocument), true, 'the page was loaded anew');
    assert.equal(await page.locator('[hx-trigger]').count(), 0, 'a finished export is still asked for');
  });
  await check('the archive is a ZIP that unzip accepts', async () => {
    const sha256 = await page.locator('code', { hasText: /^[0-9a-f]{64}$/ }).innerText();
    await download(page, page.getByRole('link', { name: 'Download archive' }), (file) => {
      assert.match(execFileSync('unzip', ['-t', file], { encoding: 'utf8', maxBuffer: 1 << 26 }), /No errors detected/);
      assert.ok(execFileSync('sha256sum', [file], { encoding: 'utf8' }).startsWith(sha256));
    });
  });
  await check('two exports at once are followed in the table', async () => {
    for (const format of ['json', 'csv']) await ask(page, workspace, { type: 'data_export', format });
    await page.goto(address + workspace + '/data-privacy');
    assert.ok(await page.locator('#refresh').count(), 'nothing is on its way');
    await page.locator('#refresh').waitFor({ state: 'detached' });
    assert.equal(await page.locator('#exports-table .state-busy').count(), 0);
    assert.match(await page.locator('#exports-status').innerText(), /^0 exports on the way, \d+ ready/);
  });
}

export async function cancelExport({ page }, workspace) {
  await check('an export on its way can be cancelled', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('button', { name: 'Export workspace → JSON' }).click();
    await page.getByRole('button', { name: 'Cancel export' }).click();
    await page.locator('#job-state', { hasText: 'Cancelled' }).waitFor();
    await page.getByRole('button', { name: 'Export again' }).waitFor();
  });
}

export async function exportContact({ page }, workspace) {
  await check('an unknown contact is told at its field, which keeps the focus', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByText('Export by id').click();
    await page.getByLabel('Contact id').fill('<b>nobody');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('No contact of this workspace has this id.').waitFor();
    const field = page.getByLabel('Contact id');
    assert.equal(await field.inputValue(), '<b>nobody');
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.ok(await field.evaluate((e) => e === document.activeElement), 'the field has not the focus');
    await accessible(page);
  });
  await check('one contact is exported', async () => {
    await page.getByLabel('Contact id').fill('browser-7');
    await page.getByRole('button', { name: 'Export contact JSON' }).click();
    const link = page.getByRole('link', { name: 'Download archive' });
    await link.waitFor();
    await download(page, link, (file) => {
      const contacts = JSON.parse(execFileSync('unzip', ['-p', file, 'data/contacts.json'], { encoding: 'utf8' }));
      assert.deepEqual(contacts.map((c) => c.id), ['browser-7']);
    });
  });
}

export async function exportFound({ page }, workspace) {
  await check('one contact is found by name as one types, and exported', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByLabel('Find the person to export').pressSequentially('p8@example');
    const button = page.getByRole('button', { name: /^Export JSON of Made-up person 8,/ });
    await button.waitFor();
    await accessible(page);
    await button.dblclick();
    await page.getByText(/Made-up person 8 \(browser-8\) · JSON/).waitFor();
    await page.getByRole('link', { name: 'Download archive' }).waitFor();
  });
}

export async function auditLog({ page }, workspace) {
  await check('the audit log tells all of it, newest first', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('link', { name: 'Audit log' }).click();
    const actions = await page.locator('.log .facts a[href*="action="] code').allTextContents();
    const order = ['export.download', 'subject_export.create', 'data_export.cancel', 'export.download', 'data_export.create'];
    let from = 0;
    for (const action of order) {
      const at = actions.indexOf(action, from);
      assert.ok(at >= from, `${action} is not in its place among ${actions.join(', ')}`);
      from = at + 1;
    }
    const times = await page.locator('.log time').evaluateAll((all) => all.map((t) => t.dateTime));
    assert.deepEqual(times, times.toSorted().toReversed());
  });
  await check('the audit log as CSV', async () => {
    await download(page, page.getByRole('link', { name: 'Export CSV' }), (file) => {
      assert.match(execFileSync('head', ['-1', file], { encoding: 'utf8' }), /^Timestamp,Actor,Action/);
    });
  });
}

// download follows a link, hands the file over and deletes it.
async function download(page, link, use) {
  const folder = mkdtempSync(join(tmpdir(), 'privacyd-browser-'));
  try {
    const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const path = join(folder, 'download');
    await file.saveAs(path);
    use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ask posts the form that a button posts.
async function ask(page, workspace, form) {
  const answer = await page.request.post(address + workspace + '/data-privacy', { form, maxRedirects: 0 });
  assert.equal(answer.status(), 303);
}

async function addContacts(page, workspace, from, until) {
  const lines = [];
  for (let i = from; i < until; i++) {
    const record = { id: `browser-${i}`, name: `Made-up person ${i}`, email: `p${i}@example.net` };
    lines.push(JSON.stringify({ collection: 'contacts', record }));
  }
  const slug = workspace.split('/').pop();
  const answer = await page.request.post(`${address}/v1/workspaces/${slug}/import`, {
    headers: { 'Content-Type': 'application/x-ndjson' }, data: Buffer.from(lines.join('\n') + '\n'), timeout: 300_000,
  });
  assert.ok(answer.ok(), `the import answers ${answer.status()}: ${(await answer.text()).slice(0, 300)}`);
}
