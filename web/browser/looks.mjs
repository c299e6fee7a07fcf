import assert from 'node:assert/strict';
import { accessible, address, check, fits, newPage } from './harness.mjs';

// everyPage looks at each page in light and dark, wide and narrow.
export async function everyPage(browser, { context, page }, workspace) {
  await page.goto(address + workspace + '/data-privacy');
  const job = await page.locator('#exports-table a[href*="/jobs/"]').first().getAttribute('href');
  const paths = ['/workspaces', `${workspace}/data-privacy`, `${workspace}/residency`, `${workspace}/encryption`, `${workspace}/legal`, `${workspace}/legal/processing`, job, `${workspace}/audit`, `${workspace}/nothing-here`, '/w/unknown/audit', '/sign-in/unknown'];
  const storageState = await context.storageState();
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of colorScheme === 'light' ? [[1280, 900], [3840, 2160]] : [[360, 740]]) { // every.mjs has the rest
      const visit = await newPage(browser, { storageState, colorScheme, viewport: { width, height } });
      for (const path of paths) {
        await check(`${path} is accessible and fits, ${colorScheme}, ${width} px`, async () => {
          await visit.page.goto(address + path);
          await unfold(visit.page);
          await accessible(visit.page);
          await fits(visit.page);
        });
      }
      await check(`nothing to complain about, ${colorScheme}, ${width} px`, () => assert.deepEqual(visit.complaints, []));
      await visit.context.close();
    }
  }
  await keyboard(page, workspace);
  await check('pages are small', () => small(page, workspace));
}

async function unfold(page) {
  for (const summary of await page.locator('summary:visible').all()) await summary.click();
}

async function keyboard(page, workspace) {
  await check('the first key leads past the navigation', async () => {
    await page.goto(address + workspace + '/data-privacy');
    await page.keyboard.press('Tab');
    const skip = page.getByRole('link', { name: 'Skip to content' });
    assert.ok(await skip.evaluate((e) => e === document.activeElement && e.getBoundingClientRect().top >= 0));
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.match(await page.evaluate(() => document.activeElement.innerText), /Export data/);
  });
  await check('what is focused can be seen', async () => {
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    assert.notEqual(outline, '0px');
  });
}

async function small(page, workspace) {
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  await page.goto(address + workspace + '/audit', { waitUntil: 'networkidle' });
  await session.detach();
  assert.ok(bytes > 0 && bytes <= 100_000, `the page and what it loads are ${bytes} bytes`);
}
