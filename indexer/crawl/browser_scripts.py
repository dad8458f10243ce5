"""What runs in a rendered page, in a world of its own: scrolling it, and reading what it became."""

from __future__ import annotations

SCROLL = """
(() => {
  const root = document.scrollingElement || document.documentElement;
  if (!root) return [0, 0];
  const scrolled = [root];
  const inner = Array.from(document.querySelectorAll('main, div, section, ul'));
  for (const each of inner.slice(0, 2000)) {
    if (scrolled.length > 3) break;
    if (each.clientHeight > innerHeight / 3 && each.scrollHeight > each.clientHeight + 50
        && /auto|scroll/.test(getComputedStyle(each).overflowY)) scrolled.push(each);
  }
  let moved = 0, height = 0;
  for (const each of scrolled) {
    const before = each.scrollTop;
    const shown = each === root ? innerHeight : each.clientHeight;
    each.scrollTop = before + Math.max(100, shown * 0.9);
    moved += Math.round(each.scrollTop - before);
    height += each.scrollHeight;
  }
  return [moved, height];
})()
"""
"""Gives how far it moved and how high it is, in pixels: the page, and what scrolls inside it."""

SNAPSHOT = """
(() => {
  const most = %d;
  const roots = [];
  const waiting = [document];
  let looked = 0;
  while (waiting.length && looked < 200000) {
    const walker = document.createTreeWalker(waiting.pop(), NodeFilter.SHOW_ELEMENT);
    for (let each = walker.currentNode; each && looked < 200000; each = walker.nextNode()) {
      looked++;
      if (each.shadowRoot) { roots.push(each.shadowRoot); waiting.push(each.shadowRoot); }
    }
  }
  const root = document.documentElement;
  if (!root) return ['', document.URL, document.characterSet];
  const html = '<html>' + root.getHTML({ serializableShadowRoots: true, shadowRoots: roots })
    + '</html>';
  return html.length > most ? null : [html, document.URL, document.characterSet];
})()
"""
"""Gives the page as text with its open shadow trees, its address and its encoding; null where it
has more characters than allowed."""
