// Every flow of the pages, in the order in which a person meets them.
import { check, launch, newPage, report } from './harness.mjs';
import { signIn, signOut } from './session.mjs';
import { settings } from './settings.mjs';
import { exportWorkspace, exportContact, exportFound, cancelExport, auditLog } from './flows.mjs';
import { deletions } from './deletion.mjs';
import { everyPage } from './looks.mjs';
import { legal } from './legal.mjs';
import { everything } from './every.mjs';
import { hasty } from './hasty.mjs';
import { people } from './people.mjs';
import { withoutScripts } from './plain.mjs';

const browser = await launch();
try {
  const visit = await newPage(browser);
  const workspace = await signIn(visit);
  if (workspace) {
    await deletions(browser, visit, workspace); // before there are many records
    await exportWorkspace(visit, workspace);
    await cancelExport(visit, workspace);
    await exportContact(visit, workspace);
    await exportFound(visit, workspace);
    await auditLog(visit, workspace);
    await settings(browser, visit, workspace);
    await legal(browser, visit, workspace);
    await everyPage(browser, visit, workspace);
    await withoutScripts(browser, visit, workspace);
    await signOut(visit, workspace);
  }
  await people(browser);
  await everything(browser);
  await hasty(browser);
  await check('the browser had nothing to complain about', () => {
    if (visit.complaints.length > 0) throw new Error(visit.complaints.join('\n'));
  });
} finally {
  await browser.close();
}
process.exitCode = report() ? 0 : 1;
