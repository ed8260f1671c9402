import { ageText } from '../render/words.ts';

/** Ages grow, and clocks show the visitor's own time. */
export function keepTimes(): void {
  const update = (): void => {
    for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-age]')) {
      const text = ageText((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
    localClocks();
  };
  update();
  setInterval(update, 10_000);
}

export function localClocks(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-clock]')) {
    const text = new Date(time.dateTime).toLocaleTimeString('en-GB');
    if (time.textContent !== text) time.textContent = text;
  }
}
