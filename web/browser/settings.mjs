// Retention, deletion by date, holds, the audit log and one's own account: by
// each role, by keyboard, with and without scripts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, address, check, fits, newPage } from './harness.mjs';

const secret = 'a password for trying out';
const mark = '"><img src=x onerror=window.pwned=1><script>window.pwned=1</script>';
const day = 24 * 3600 * 1000;

export async function settings(browser, visit, workspace) {
  const { page } = visit;
  await retention(visit, workspace);
  await byDate(visit, workspace);
  await holds(visit, workspace);
  await auditLog(visit, workspace);
  await settingsWithoutScripts(browser, visit, workspace);
  await roles(browser, workspace);
  await ownAccount(browser, workspace);
  await looks(browser, visit, workspace);
  await check('nothing that was planted ran', async () => {
    for (const path of ['retention?effect', 'holds', 'audit', `audit?actor=${encodeURIComponent(mark)}`, `holds?id=${encodeURIComponent(mark)}`]) {
      await page.goto(`${address}${workspace}/${path}`);
      assert.equal(await page.evaluate(() => window.pwned), undefined, path);
    }
  });
}

async function retention({ page }, workspace) {
  await check('a policy is looked at before it is saved', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    const section = page.getByRole('region', { name: 'Retention' });
    await section.getByText('Messages', { exact: true }).waitFor(); // the sizes came by themselves
    await section.getByRole('radio', { name: /^90 days/ }).check();
    await section.getByRole('button', { name: 'See what it would do' }).click();
    await page.getByRole('heading', { name: /^90 days after the last message/ }).waitFor();
    await page.getByText('Nothing has been changed yet').waitFor();
    await accessible(page);
    await page.getByRole('button', { name: 'Save: 90 days' }).dblclick();
    await page.getByRole('status').getByText('The policy is saved').waitFor();
    assert.equal(await page.getByText('In force', { exact: true }).count(), 1, 'two clicks made two versions');
  });
  await check('records that fall due', () => addTalks(page, workspace));
  await check('what goes next is shown as a picture, in words and in numbers', async () => {
    await page.goto(`${address}${workspace}/retention`);
    const picture = page.getByRole('img', { name: /^What retention removes over the next 90 days/ });
    await picture.waitFor();
    assert.ok(await picture.locator('rect').count() > 5, 'the picture is empty');
    await page.getByText(/conversations fall due within 90 days/).last().waitFor();
    await page.getByText('The numbers, week by week').click();
    await page.getByRole('row', { name: / to / }).first().waitFor();
    await accessible(page);
  });
  await check('one conversation is kept, and given back', async () => {
    const row = page.getByRole('row').filter({ has: page.getByText(`talk-${mark}`, { exact: true }) });
    await row.getByRole('button', { name: /^Keep this one/ }).dblclick();
    await page.getByRole('status').getByText('It is kept').waitFor();
    await row.getByText('Kept', { exact: true }).waitFor();
    await accessible(page);
    await row.getByRole('button', { name: /^Give back/ }).click();
    await page.getByRole('status').getByText('It is given back').waitFor();
  });
  await check('a number of days that makes no sense is told at its field', async () => {
    await page.goto(`${address}${workspace}/retention`);
    await page.getByRole('radio', { name: 'Other' }).check();
    await page.getByLabel('Number of days').fill('soon');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('type a number of days').waitFor();
    assert.equal(await page.getByLabel('Number of days').inputValue(), 'soon');
    await accessible(page);
  });
  await check('the daily run is set', async () => {
    await page.getByLabel('Time zone').fill('Europe/Amsterdam');
    await page.getByLabel('At most, in percent').fill('1');
    await page.getByRole('region', { name: 'The daily run' }).getByRole('button', { name: 'Save' }).click();
    await page.getByRole('status').getByText('The daily run is set').waitFor();
  });
  await check('a run that would take too much stops and asks', async () => {
    await page.getByRole('button', { name: 'Run it now' }).click();
    await page.waitForURL(/\/jobs\//);
    await page.goto(`${address}${workspace}/retention`);
    await page.getByText('A retention run has stopped and asks.').waitFor();
    await accessible(page);
    await page.getByRole('link', { name: 'See the plan' }).click();
    await page.waitForURL(/\/jobs\//);
  });
}

async function byDate({ page }, workspace) {
  await check('what is older than a day is deleted once its number is typed', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByLabel('Delete what had its last message before').fill(new Date(Date.now() - 400 * day).toISOString().slice(0, 10));
    await page.getByRole('region', { name: 'Bulk delete by date' }).getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('heading', { name: 'The plan' }).waitFor();
    await accessible(page);
    const number = await page.locator('#to-type').innerText();
    await page.getByLabel('Number of records').fill('0');
    await page.getByRole('button', { name: /^Delete \d/ }).click();
    await page.getByRole('alert').getByText('That is not the count').waitFor();
    await accessible(page);
    await page.getByLabel('Number of records').fill(number);
    await page.getByRole('button', { name: /^Delete \d/ }).dblclick();
    await page.waitForURL(/\/jobs\//);
    await page.locator('#job-state', { hasText: /Done|Deleted|Ready|Completed/ }).waitFor();
  });
  await check('a day in the future is told at its field', async () => {
    await page.goto(`${address}${workspace}/bulk?before=2999-01-01`);
    await page.getByRole('alert').getByText('not in the future').waitFor();
    await accessible(page);
  });
}

async function holds({ page }, workspace) {
  await check('a hold is placed from a contact, and keeps them', async () => {
    await page.goto(`${address}${workspace}/holds`);
    await page.getByLabel('Find the person whose data is held').pressSequentially('Sam');
    await page.getByRole('link', { name: /^Place a hold on Sam .*settings-1$/ }).waitFor();
    await accessible(page);
    await page.goto(`${address}${workspace}/contact?id=settings-1`);
    await page.locator('summary', { hasText: '⋯' }).click();
    await page.getByRole('link', { name: 'Place hold' }).click();
    const section = page.getByRole('region', { name: 'Place a hold' });
    await section.getByRole('link', { name: /^Contact Sam/ }).waitFor();
    await section.getByLabel('Reason').fill(`File 7 ${mark}`);
    await accessible(page);
    await section.getByRole('button', { name: 'Place the hold' }).dblclick();
    await page.getByRole('status').getByText('The hold is placed').waitFor();
    await page.getByRole('heading', { name: /^Contact Sam .*\(settings-1\)$/ }).first().waitFor();
    await accessible(page);
    await page.goto(`${address}${workspace}/delete-contact?id=settings-1`);
    await page.getByText('A legal hold covers all of it').first().waitFor();
  });
  await check('what is wrong with a hold is told, and what was typed stays', async () => {
    await page.goto(`${address}${workspace}/holds`);
    await page.getByText('I have the id').click();
    await page.getByRole('radio', { name: /^A conversation/ }).check();
    await page.getByLabel(/^Id of the person/).fill('no such one');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('alert').getByText('no such').waitFor();
    assert.equal(await page.getByLabel(/^Id of the person/).inputValue(), 'no such one');
    assert.ok(await page.getByRole('radio', { name: /^A conversation/ }).isChecked());
    await accessible(page);
    await page.goto(`${address}${workspace}/holds?type=workspace`);
    await page.getByLabel('Reason').fill('File 8');
    await page.getByLabel('Review on').fill('2199-01-01');
    await page.getByRole('button', { name: 'Place the hold' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByLabel('Reason').inputValue(), 'File 8');
    await accessible(page);
  });
  await check('a hold is released, and what happens then is told', async () => {
    await page.goto(`${address}${workspace}/holds`);
    while (await page.getByText('Stands', { exact: true }).count() > 0) {
      const hold = page.locator('.hold').filter({ has: page.getByText('Stands', { exact: true }) }).first();
      await hold.getByText('Release', { exact: false }).first().click();
      await hold.getByText('This person can be deleted again').waitFor();
      await accessible(page);
      await hold.getByLabel('Why it is released').fill('It is settled');
      await hold.getByRole('button', { name: 'Release the hold' }).dblclick();
      await page.getByRole('status').getByText('The hold is released').waitFor();
    }
  });
}

async function auditLog({ page }, workspace) {
  await check('the log is filtered, and the filter is in the address', async () => {
    await page.goto(`${address}${workspace}/audit`);
    await page.getByLabel('Action').selectOption({ label: 'Changed the retention policy' });
    await page.getByLabel('Who').fill('admin@example.com');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL(/action=retention\.set/);
    assert.equal(await page.locator('.log > li').count(), 1);
    await page.locator('.entry-row').focus();
    await page.keyboard.press('Enter');
    const row = page.getByRole('row', { name: /^Days/ });
    assert.match(await row.innerText(), /for ever\s+90 days/);
    await accessible(page);
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.waitForURL(/\/audit$/);
  });
  await check('an entry is proven', async () => {
    await page.locator('.entry-row').last().click();
    const link = page.getByRole('link', { name: /^Download the proof/ }).last();
    await save(page, link, (file) => assert.match(execFileSync('head', ['-1', file], { encoding: 'utf8' }), /^c2sp\.org\/tlog-proof@v1/));
  });
  await check('the log is verified now, and told in words', async () => {
    await page.getByRole('button', { name: 'Verify now' }).dblclick();
    await page.getByText('The log is whole and unaltered').waitFor();
    await page.getByText(/entries were checked one by one/).waitFor();
    await accessible(page);
    await page.getByRole('link', { name: 'Audit log' }).first().click();
    await page.waitForURL(/\/audit$/);
  });
  await check('what the filter shows is exported as CSV and JSON', async () => {
    await page.goto(`${address}${workspace}/audit?action=retention.set`);
    await save(page, page.getByRole('link', { name: 'Export CSV' }), (file) => {
      const lines = execFileSync('cat', [file], { encoding: 'utf8' }).trim().split('\r\n');
      assert.equal(lines.length, 2);
      assert.match(lines[1], /retention\.set/);
    });
    await save(page, page.getByRole('link', { name: 'Export JSON' }), (file) => {
      if (process.env.PRIVACYD_BIN) {
        const key = privacyd('audit', 'key', '--workspace', slug(workspace)).trim().split('\n').pop();
        execFileSync(process.env.PRIVACYD_BIN, ['audit', 'verify', file, '--key', key]);
      }
    });
  });
  await check('a filter that makes no sense is told', async () => {
    await page.goto(`${address}${workspace}/audit?from=2026-02-02&until=2026-02-01`);
    await page.getByRole('alert').getByText('The last day is before the first').waitFor();
    await accessible(page);
  });
}

async function settingsWithoutScripts(browser, { context }, workspace) {
  const storageState = await context.storageState();
  const { page, context: own } = await newPage(browser, { storageState, javaScriptEnabled: false });
  await check('without JavaScript: retention, sizes, holds, filter, verification', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByRole('link', { name: 'What is stored, by collection' }).click();
    await page.getByText('Messages', { exact: true }).waitFor();
    await page.goto(`${address}${workspace}/retention`);
    await page.getByRole('link', { name: 'Look what goes next' }).click();
    await page.locator('figcaption', { hasText: /conversations fall due within 90 days/ }).waitFor();
    await page.getByRole('radio', { name: /^365 days/ }).check();
    await page.getByRole('button', { name: 'See what it would do' }).click();
    await page.getByRole('button', { name: 'Save: 365 days' }).click();
    await page.getByText('The policy is saved').waitFor();
    await page.goto(`${address}${workspace}/holds`);
    await page.getByRole('link', { name: 'Hold the whole workspace…' }).click();
    await page.getByLabel('Reason').fill('An authority asked');
    await page.getByRole('button', { name: 'Place the hold' }).click();
    await page.getByRole('heading', { name: /^The whole workspace/ }).waitFor();
    await page.locator('.hold summary').first().click();
    await page.getByRole('button', { name: 'Release the hold' }).click();
    await page.getByText('The hold is released').waitFor();
    await page.goto(`${address}${workspace}/audit`);
    await page.getByLabel('Action').selectOption('hold.release');
    await page.getByRole('button', { name: 'Filter' }).click();
    assert.ok(await page.locator('.log > li').count() >= 2);
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('The log is whole and unaltered').waitFor();
  });
  await own.close();
}

async function roles(browser, workspace) {
  for (const [role, may] of [['agent', { retention: 200, sizes: 200, holds: 403, bulk: 403, audit: 403 }], ['auditor', { retention: 200, sizes: 403, holds: 403, bulk: 403, audit: 200 }]]) {
    await check(`an ${role} reaches what the role may`, async () => {
      const { page, context } = await member(browser, workspace, role, `${role}@settings.example.com`);
      for (const [path, status] of Object.entries(may)) {
        assert.equal((await page.goto(`${address}${workspace}/${path}`)).status(), status, path);
        await accessible(page);
      }
      await page.goto(`${address}${workspace}/retention`);
      assert.equal(await page.getByRole('button', { name: 'See what it would do' }).count(), 0);
      const forms = { retention: { choice: '30' }, 'retention/run': {}, 'retention/settings': { time_zone: 'UTC' }, holds: { type: 'workspace', reason: 'x' }, bulk: { before: '2026-01-01' } };
      for (const [path, form] of Object.entries(forms)) {
        const answer = await page.request.post(`${address}${workspace}/${path}`, { form, maxRedirects: 0 });
        assert.equal(answer.status(), 403, path);
      }
      const cross = await page.request.post(`${address}${workspace}/retention`, { form: { choice: '0' }, headers: { 'Sec-Fetch-Site': 'cross-site' }, maxRedirects: 0 });
      assert.equal(cross.status(), 403);
      await context.close();
    });
  }
}

// ownAccount exports somebody's data, deletes the account, takes that back, and
// deletes it for good.
async function ownAccount(browser, workspace) {
  const email = 'leaver@settings.example.com';
  const { page, context, complaints } = await member(browser, workspace, 'agent', email);
  await check('my data are exported, without a reload', async () => {
    await page.goto(`${address}/account`);
    await accessible(page);
    await page.getByRole('button', { name: 'Export my data' }).dblclick();
    const link = page.getByRole('link', { name: /^Download/ });
    await link.first().waitFor();
    assert.equal(await link.count(), 1, 'two clicks made two exports');
    await accessible(page);
    await save(page, link, (file) => assert.match(execFileSync('unzip', ['-t', file], { encoding: 'utf8' }), /No errors detected/));
  });
  await check('my account is deleted once I have typed my password', async () => {
    await page.getByRole('link', { name: 'See what would be deleted' }).click();
    await accessible(page);
    await page.getByLabel('Your password').fill('not this one');
    await page.getByRole('button', { name: 'Delete my account' }).click();
    await page.getByRole('alert').getByText('That is not your password').waitFor();
    await page.getByLabel('Your password').fill(secret);
    await page.getByRole('button', { name: 'Delete my account' }).dblclick();
    await page.getByText('The deletion of your account is scheduled').waitFor();
  });
  await check('signing in reaches the page of the grace period alone, and back', async () => {
    await enter(page, email);
    await page.waitForURL(`${address}/account`);
    await page.getByText('in 30 days').waitFor();
    await accessible(page);
    await page.goto(`${address}${workspace}/data-privacy`);
    assert.equal(page.url(), `${address}/account`);
    await page.getByRole('button', { name: 'Cancel: keep my account' }).dblclick();
    await page.getByText('Your account is kept').waitFor();
    await accessible(page);
    await page.goto(`${address}${workspace}/data-privacy`);
    assert.match(page.url(), /data-privacy$/);
  });
  await check('without JavaScript: deleted for good, at once', async () => {
    const plain = await newPage(browser, { javaScriptEnabled: false, viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    await enter(plain.page, email);
    await plain.page.goto(`${address}/account/delete`);
    await plain.page.getByLabel('Your password').fill(secret);
    await plain.page.getByRole('button', { name: 'Delete my account' }).click();
    await enter(plain.page, email);
    await fits(plain.page);
    await plain.page.getByText('Delete now', { exact: true }).click();
    await plain.page.getByLabel('Your password').fill(secret);
    const answered = plain.page.waitForEvent('load'); // a page asked for before that would meet the answer on its way
    await plain.page.getByRole('button', { name: 'Delete my account now, for good' }).click();
    await answered;
    for (let n = 0; n < 200 && plain.page.url() === `${address}/account`; n++) await plain.page.goto(`${address}/account`);
    assert.match(plain.page.url(), /\/sign-in/);
    await enter(plain.page, email);
    await plain.page.getByText('The e-mail address or the password is wrong').waitFor();
    await plain.context.close();
  });
  await check('the last admin is told what to do first', async () => {
    const only = await member(browser, workspace, 'agent', 'founder@settings.example.com');
    privacyd('workspace', 'create', '--slug', 'founded', '--name', `Founded ${mark}`, '--admin', 'founder@settings.example.com');
    privacyd('workspace', 'member', '--workspace', 'founded', '--email', 'auditor@settings.example.com', '--role', 'auditor');
    await only.page.goto(`${address}/account/delete`);
    await only.page.getByText('You are the last admin of Founded').waitFor();
    await accessible(only.page);
    assert.equal(await only.page.getByLabel('Your password').count(), 0);
    assert.equal(await only.page.evaluate(() => window.pwned), undefined);
    await only.page.getByRole('link', { name: /^Members of Founded/ }).click();
    await only.page.waitForURL(/\/w\/founded\/members$/);
    await only.context.close();
  });
  await check('nothing to complain about on the pages of an account', () => assert.deepEqual(complaints, []));
  await context.close();
}

async function looks(browser, { context }, workspace) {
  const storageState = await context.storageState();
  const paths = ['/account', '/account/delete', '/account/security', ...['audit', 'audit?action=retention.set&actor=nobody', 'retention', 'retention?choice=30&effect',
    'holds', 'bulk', 'bulk?before=2026-01-01', 'sizes', 'data-privacy'].map((path) => `${workspace}/${path}`)];
  for (const [colorScheme, width, height] of [['light', 1280, 900], ['dark', 360, 740], ['light', 3840, 2160]]) {
    const visit = await newPage(browser, { storageState, colorScheme, viewport: { width, height } });
    for (const path of paths) {
      await check(`${path} is accessible and fits, ${colorScheme}, ${width} px`, async () => {
        await visit.page.goto(address + path, { waitUntil: 'networkidle' });
        for (const summary of (await visit.page.locator('main summary:visible').all()).slice(0, 3)) await summary.click();
        await accessible(visit.page);
        await fits(visit.page);
      });
    }
    await check(`nothing to complain about, ${colorScheme}, ${width} px`, () => assert.deepEqual(visit.complaints, []));
    await visit.context.close();
  }
}

const slug = (workspace) => workspace.split('/').pop();

function privacyd(...words) {
  return execFileSync(process.env.PRIVACYD_BIN, words.concat('--data', process.env.PRIVACYD_DATA), { encoding: 'utf8', input: `${secret}\n` });
}

async function member(browser, workspace, role, email) {
  const visit = await newPage(browser);
  privacyd('account', 'create', '--email', email, '--name', `A ${role} ${mark}`, '--password-stdin');
  privacyd('workspace', 'member', '--workspace', slug(workspace), '--email', email, '--role', role);
  await enter(visit.page, email);
  await visit.page.waitForURL(/\/w\//);
  return visit;
}

async function enter(page, email) {
  await page.goto(`${address}/sign-in`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// save follows a link, hands the file over and deletes it.
async function save(page, link, use) {
  const folder = mkdtempSync(join(tmpdir(), 'privacyd-browser-'));
  try {
    const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const path = join(folder, 'file');
    await file.saveAs(path);
    use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// addTalks adds conversations that were resolved just now, the oldest of them
// due, and two that are older than a year.
async function addTalks(page, workspace) {
  const lines = [{ collection: 'contacts', record: { id: 'settings-1', name: `Sam ${mark}`, email: 'sam@example.net' } }];
  const now = Date.now();
  const add = (id, days) => {
    const at = new Date(now - days * day - 3600_000).toISOString();
    lines.push({ collection: 'conversations', record: { id, contact_id: 'settings-1', status: 'resolved', resolved_at: new Date(now).toISOString(), created_at: at } });
    lines.push({ collection: 'messages', record: { id: `message ${id}`, conversation_id: id, direction: 'inbound', author_id: 'settings-1', body: mark, created_at: at } });
  };
  add(`talk-${mark}`, 95);
  for (let n = 0; n < 30; n++) add(`talk-${n}`, n * 3 + 1);
  for (let n = 0; n < 2; n++) add(`ancient-${n}`, 500);
  const answer = await page.request.post(`${address}/v1/workspaces/${slug(workspace)}/import`, {
    headers: { 'Content-Type': 'application/x-ndjson' }, data: Buffer.from(lines.map((l) => JSON.stringify(l)).join('\n') + '\n'),
  });
  assert.ok(answer.ok(), `the import answers ${answer.status()}: ${(await answer.text()).slice(0, 300)}`);
}
