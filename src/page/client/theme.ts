/** The colours that the visitor chose, kept in a cookie: so the server sends the next page in them at once. */
export function offerThemes(): void {
  const group = document.querySelector<HTMLElement>('.themes');
  if (group === null) return;
  group.hidden = false;
  group.addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('[data-set-theme]');
    const theme = button?.dataset['setTheme'];
    if (theme === undefined) return;
    const isAuto = theme === 'auto';
    if (isAuto) delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    document.cookie = `pharos-theme=${theme}; path=/; samesite=strict; max-age=${isAuto ? 0 : 31_536_000}`;
    for (const each of group.querySelectorAll('button')) {
      each.setAttribute('aria-pressed', String(each === button));
    }
  });
}
