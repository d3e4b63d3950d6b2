from collector.report.html import element, prose, untrusted
from collector.report.untrusted import plain


def test_plain_text_in_an_element_is_escaped() -> None:
    """In its content and in its attributes; only markup goes through as it is."""
    inner = element("b", "<i>", title='"><script>')
    assert element("p", inner, "&", None).html == (
        '<p><b title="&quot;&gt;&lt;script&gt;">&lt;i&gt;</b>&amp;</p>'
    )
    assert element("meta", charset="utf-8").html == '<meta charset="utf-8">'
    assert element("a", data_print=True, hidden=False, id=None).html == "<a data-print></a>"


def test_untrusted_text_is_isolated_and_shows_what_cannot_be_seen() -> None:
    """Marks that turn text around, line breaks and half characters do nothing."""
    assert untrusted("a\u202e<b>\n\x07c\ud800").html == (
        "<bdi>a&lt;U+202E&gt;&lt;b&gt; &lt;U+0007&gt;c&lt;U+D800&gt;</bdi>"
    )
    assert plain("  a\u2028b\tc  ") == "a b c"
    assert plain("Ñuñoa 日本 \U0001f600") == "Ñuñoa 日本 \U0001f600"


def test_days_in_our_sentences_are_kept_whole() -> None:
    """And nothing else in them changes."""
    assert prose("<2026-01-02 03:04:05 UTC>, 2026-01").html == (
        '&lt;<span class="day">2026-01-02 03:04:05 UTC</span>&gt;, 2026-01'
    )
