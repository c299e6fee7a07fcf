// Keeps the part of a page fresh that has an element #refresh, whose event
// "refresh" htmx answers: when the server says that something changed, or every
// two seconds where a proxy swallows what the server says. Without it pages
// still work.
'use strict';
(() => {
  const patience = 5000; // for the first word of the server
  const silence = 25000; // between two words; the server speaks every ten seconds
  const pause = 2000; // between two questions of our own
  let source = null;
  let url = '';
  let watch = 0;
  let timer = 0;

  const part = () => document.getElementById('refresh');
  const ask = () => part()?.dispatchEvent(new Event('refresh'));

  function stop() {
    source?.close();
    clearTimeout(watch);
    clearInterval(timer);
    source = null;
    watch = timer = 0;
    url = '';
  }

  function poll() {
    source?.close();
    source = null;
    clearTimeout(watch);
    if (!timer) timer = setInterval(ask, pause);
  }

  function heard() {
    clearInterval(timer);
    timer = 0;
    clearTimeout(watch);
    watch = setTimeout(poll, silence);
  }

  function follow() {
    const element = part();
    if (!element || document.hidden) return stop();
    if (url === element.dataset.events) return;
    stop();
    url = element.dataset.events;
    watch = setTimeout(poll, patience);
    source = new EventSource(url);
    source.addEventListener('beat', heard);
    source.addEventListener('change', () => { heard(); ask(); });
    source.addEventListener('error', () => { if (source?.readyState === EventSource.CLOSED) poll(); });
  }

  // A form that is sent is not sent again by a second click.
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('[data-once]')) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = 'yes';
    for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true');
  });
  // A page that comes back from the browser's memory can be sent again.
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('[data-sent]')) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('button')) button.removeAttribute('aria-disabled');
    }
  });

  // Menus close by Escape and by a click elsewhere.
  const menus = () => document.querySelectorAll('details[data-menu][open]');
  document.addEventListener('click', (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  });

  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); follow(); });
  new MutationObserver(follow).observe(document.documentElement, { childList: true, subtree: true });
  addEventListener('pagehide', stop);
  follow();
})();
