// The legal pages, as everybody, without scripts, and as an admin who names a
// contact and accepts the agreement.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, address, check, fits, newPage } from './harness.mjs';

const mark = '"><img src=x onerror=window.pwned=1><script>window.pwned=1</script>';

export async function legal(browser, visit, workspace) {
  const folder = mkdtempSync(join(tmpdir(), 'privacyd-legal-'));
  try {
    prepare(folder);
    await contact(visit, workspace);
    await acceptance(browser, visit, workspace, folder);
    await record(visit, workspace, folder);
    await everybody(browser, workspace);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function privacyd(...words) {
  return execFileSync(process.env.PRIVACYD_BIN, words.concat('--data', process.env.PRIVACYD_DATA), { encoding: 'utf8' });
}

function prepare(folder) {
  writeFileSync(join(folder, 'plan.md'), `# ${mark}\n`);
  writeFileSync(join(folder, 'agreement.md'), `# Our agreement ${mark}\n\nWe **agree**.\n\n- one\n- ${mark}\n\n${'long'.repeat(60)}\n`);
  privacyd('legal', 'add', join(folder, 'plan.md'), '--title', `Breach plan ${mark}`);
  privacyd('legal', 'add', '--link', 'https://example.com/certificate.pdf', '--title', 'Certificate');
  privacyd('agreement', 'publish', join(folder, 'agreement.md'));
}

async function contact({ page }, workspace) {
  await check('a contact is named, and told at the form when it is wrong', async () => {
    await page.goto(`${address}${workspace}/data-privacy`);
    await page.getByRole('region', { name: 'Legal' }).getByRole('link', { name: 'Open legal' }).click();
    await page.getByLabel('Name (optional)').fill(`Acme ${mark}`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('A contact needs').waitFor();
    assert.equal(await page.getByLabel('Name (optional)').inputValue(), `Acme ${mark}`);
    await accessible(page);
    await page.getByLabel('E-mail address for privacy').fill('privacy@acme.example.com');
    await page.getByLabel('Postal address (optional)').fill('Hauptstr. 1\n10115 Berlin');
    await page.getByLabel('Show it to everybody').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('status').getByText('It is saved').waitFor();
    await accessible(page);
    await fits(page);
  });
}

async function acceptance(browser, { context, page }, workspace, folder) {
  const storageState = await context.storageState();
  const plain = await newPage(browser, { storageState, javaScriptEnabled: false });
  await check('without JavaScript: the agreement is read and accepted', async () => {
    await plain.page.goto(`${address}${workspace}/data-privacy`);
    await plain.page.getByText('waits for an admin to accept it').waitFor();
    await plain.page.goto(`${address}${workspace}/legal`);
    await plain.page.getByRole('link', { name: 'Read version 1' }).click();
    await plain.page.getByRole('heading', { name: 'Our agreement' }).waitFor();
    await plain.page.goBack();
    await plain.page.getByRole('button', { name: 'Accept version 1' }).click();
    await plain.page.getByRole('status').getByText('The agreement is accepted').waitFor();
    assert.equal(await plain.page.getByRole('button', { name: /^Accept version/ }).count(), 0);
  });
  await plain.context.close();
  await check('a copy with the acceptance is downloaded', async () => {
    await page.goto(`${address}${workspace}/legal`);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download version 1 as accepted' }).click()]);
    await file.saveAs(join(folder, 'copy.md'));
    assert.match(readFileSync(join(folder, 'copy.md'), 'utf8'), /## Acceptance\n\n- For: .*\n- By: /);
  });
}

async function record({ page }, workspace, folder) {
  await check('the record of processing activities is read and downloaded', async () => {
    await page.goto(`${address}${workspace}/legal`);
    await page.getByRole('link', { name: 'Read the record' }).click();
    await page.getByRole('heading', { name: 'Answering customers' }).waitFor();
    for (const end of ['csv', 'json']) {
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Download ${end.toUpperCase()}` }).click()]);
      assert.equal(file.suggestedFilename(), `processing-activities.${end}`);
      await file.saveAs(join(folder, end));
      assert.match(readFileSync(join(folder, end), 'utf8'), /Art\. 30\(1\) GDPR/);
    }
  });
}

// everybody looks at each page in light and dark, wide and narrow, with and
// without scripts.
async function everybody(browser, workspace) {
  const slug = workspace.split('/').pop();
  const paths = ['/legal', '/legal/agreement', '/legal/sub-processors', `/legal/w/${slug}`];
  for (const [colorScheme, width, javaScriptEnabled] of [['light', 1280, true], ['dark', 360, true], ['light', 360, false]]) {
    const stranger = await newPage(browser, { colorScheme, javaScriptEnabled, viewport: { width, height: 800 } });
    for (const path of paths) {
      await check(`${path} for everybody, ${colorScheme}, ${width} px, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
        await stranger.page.goto(address + path);
        await stranger.page.getByRole('heading', { level: 1 }).waitFor();
        if (javaScriptEnabled) {
          await accessible(stranger.page);
          assert.equal(await stranger.page.evaluate(() => window.pwned), undefined);
          await fits(stranger.page);
        }
      });
    }
    await check('nothing to complain about on the pages for everybody', () => assert.deepEqual(stranger.complaints, []));
    await stranger.context.close();
  }
}
