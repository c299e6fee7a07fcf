import assert from 'node:assert/strict';
import { address, check, newPage } from './harness.mjs';

// withoutScripts does the main job with JavaScript turned off.
export async function withoutScripts(browser, { context }, workspace) {
  const storageState = await context.storageState();
  const { page, context: own } = await newPage(browser, { storageState, javaScriptEnabled: false });
  await check('without JavaScript: export, refresh, download', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('button', { name: 'Export workspace → JSON' }).click();
    assert.match(page.url(), /\/jobs\//);
    const refresh = page.getByRole('link', { name: 'Refresh to see the progress' });
    assert.ok(await refresh.isVisible(), 'there is no way to refresh');
    for (let n = 0; n < 2000 && await refresh.count(); n++) await refresh.click();
    assert.match(await page.locator('#job-state').innerText(), /^Ready/);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download archive' }).click()]);
    assert.equal(await file.failure(), null);
    await file.delete();
  });
  await check('without JavaScript: cancel', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.getByRole('button', { name: 'Export workspace → JSON' }).click();
    await page.getByRole('button', { name: 'Cancel export' }).click();
    await page.locator('#job-state', { hasText: /Stopping|Cancelled/ }).waitFor();
  });
  await check('without JavaScript: the menu of a narrow window', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(address + workspace + '/data-privacy');
    await page.locator('summary', { hasText: 'Menu' }).click();
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  });
  await own.close();
}
