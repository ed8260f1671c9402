import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { type Content, Html, html } from '../../../src/page/html.ts';

describe('html', () => {
  for (const [what, made, wanted] of [
    ['text', html`<p>${'a <b> & "c"'}</p>`, '<p>a &lt;b&gt; &amp; &quot;c&quot;</p>'],
    ['attributes', html`<p title="${`"'><script>`}"></p>`, '<p title="&quot;&#39;&gt;&lt;script&gt;"></p>'],
    ['markup of its own', html`<p>${html`<b>${1}</b>`}</p>`, '<p><b>1</b></p>'],
    ['lists', html`${['<', html`<i></i>`, [2]]}`, '&lt;<i></i>2'],
    ['nothing', html`[${undefined}${false}]`, '[]'],
    ['text that turns the direction', html`${'a\u202eb\u0000'}`, 'a\ufffdb\ufffd'],
    ['half a character', html`${'\ud800'}`, '\ufffd'],
  ] as const) {
    it(`takes ${what}`, () => assert.equal(String(made), wanted));
  }

  it('refuses an attribute without quotes, and takes a query within them', () => {
    assert.equal(String(html`<a href="/?a=${1}&amp;b=${2}"></a>`), '<a href="/?a=1&amp;b=2"></a>');
    assert.throws(() => html`<p title=${'x onload=y'}></p>`, /needs quotes/);
  });

  it('is the only way to markup', () => {
    assert.throws(() => new Html('<script>', Symbol('html') as never), /is made by html/);
  });
});

test('no text yields a tag, an attribute or an entity of its own', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('<', '>', '"', "'", '&', '=', '/', '`', ' ', 'a', '\n', '\0', 'ſ', '＜'),
    }),
    fc.constantFrom('</p><script>alert(1)</script>', '" onload="x', '&lt;', '<!--', ']]>', '</style'),
  );
  const content: fc.Arbitrary<Content> = fc.oneof(nasty, fc.array(nasty, { maxLength: 3 }), fc.nat());
  fc.assert(
    fc.property(content, content, (text, attribute) => {
      const whole = html`<p title="${attribute}">${text}</p>`.toString();
      const [, inAttribute = '', inText = ''] = /^<p title="([^"]*)">([^]*)<\/p>$/.exec(whole) ?? [];
      assert.equal(`<p title="${inAttribute}">${inText}</p>`, whole);
      assert.doesNotMatch(inAttribute + inText, /[<>"'`]|&(?!(?:amp|lt|gt|quot|#39|#96);)/);
    }),
  );
});
