/** Where things stand in the picture of the clusterset. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly hub: Point;
  /** Of each cluster, in the order given: the middle of its box. */
  readonly places: readonly Point[];
  readonly box: { readonly width: number; readonly height: number };
}

/** On an ellipse around the hub, clockwise from the left, with room for all boxes. */
export function wideLayout(count: number): Layout {
  if (count > MOST_AROUND) return rowsLayout(count);
  const box =
    count <= 6
      ? { width: 164, height: 72 }
      : count <= 12
        ? { width: 124, height: 58 }
        : { width: 104, height: 46 };
  const width = 760;
  // Boxes stand mostly one above the other at the sides: they need height.
  const height = Math.max(count <= 2 ? 240 : 340, Math.ceil(count / 2) * (box.height + 18) + 60);
  const middle = { x: width / 2, y: height / 2 };
  const radius = { x: (width - box.width) / 2 - 8, y: (height - box.height) / 2 - 8 };
  const step = (2 * Math.PI) / Math.max(1, count);
  const start = -Math.PI / 2 - step / 2;
  const sines = Array.from({ length: count }, (_, at) => Math.sin(start + at * step));
  // Of three, two are half way up: they get the room that is there.
  const [lowest, highest] = [Math.min(...sines), Math.max(...sines)];
  const stretched = (sine: number): number =>
    count <= 2 ? 0 : ((sine - lowest) / (highest - lowest)) * 2 - 1;
  const places = sines.map((sine, at) => ({
    x: middle.x + radius.x * (count === 1 ? -1 : Math.cos(start + at * step)),
    y: middle.y + radius.y * stretched(sine),
  }));
  return { width, height, hub: middle, places, box };
}

/** More than these would not be apart on the ellipse. */
const MOST_AROUND = 16;

/** In rows below the hub. */
function rowsLayout(count: number): Layout {
  const box = { width: 112, height: 46 };
  const [width, columns, top, rowHeight] = [760, 6, 120, 70];
  const places = Array.from({ length: count }, (_, at) => ({
    x: (width / columns) * ((at % columns) + 0.5),
    y: top + rowHeight * (Math.floor(at / columns) + 0.5),
  }));
  const height = top + rowHeight * Math.ceil(count / columns);
  return { width, height, hub: { x: width / 2, y: 50 }, places, box };
}

/** In two columns with the hub between: for screens that are as wide as a hand. */
export function narrowLayout(count: number): Layout {
  const box = { width: 124, height: 72 };
  const width = 340;
  const rows = Math.max(2, Math.ceil(count / 2));
  const height = rows * (box.height + 34) + 10;
  const places = Array.from({ length: count }, (_, at) => ({
    x: at % 2 === 0 ? box.width / 2 + 4 : width - box.width / 2 - 4,
    y: (Math.floor(at / 2) + 0.5) * (height / rows),
  }));
  return { width, height, hub: { x: width / 2, y: height / 2 }, places, box };
}
