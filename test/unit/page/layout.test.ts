import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowLayout, wideLayout } from '../../../src/page/layout.ts';

test('however many clusters there are, their boxes are in the picture and apart from each other and the hub', () => {
  for (const layoutOf of [wideLayout, narrowLayout]) {
    for (let count = 1; count <= 40; count++) {
      const { width, height, places, box, hub } = layoutOf(count);
      assert.equal(places.length, count);
      for (const [at, { x, y }] of places.entries()) {
        const name = `${layoutOf.name} ${at} of ${count}`;
        assert.ok(x - box.width / 2 >= 0 && x + box.width / 2 <= width, `${name}: x ${x}`);
        assert.ok(y - box.height / 2 >= 0 && y + box.height / 2 <= height, `${name}: y ${y}`);
        assert.ok(
          Math.abs(x - hub.x) > box.width / 2 + 20 || Math.abs(y - hub.y) > box.height / 2 + 20,
          `${name}: hub`,
        );
        for (const [other, place] of places.entries()) {
          if (other === at) continue;
          const isApart = Math.abs(x - place.x) >= box.width || Math.abs(y - place.y) >= box.height;
          assert.ok(isApart, `${name} and ${other}`);
        }
      }
    }
  }
});
