"""Config files as people write them, in every layout, with one key that is the autoscaler's."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

KEY = "altostratus:scale"
words = st.sampled_from(
    ["shop", "0x10", "1.0", "~", "yes", '"quoted: #1"', "'it''s'", "naïve ☁ 🌧", "2001-01-01"]
)
comments = st.sampled_from(["", "", "  # why: {so}", " # ☁"])
scales = st.fixed_dictionaries(
    {
        "clusters": st.dictionaries(
            st.sampled_from(["web", "db", "a/b.2/c", "0x1", "yes"]), st.integers(0, 9)
        ),
        "groups": st.dictionaries(st.sampled_from(["search"]), st.integers(0, 3)),
        "generation": st.integers(0, 99),
    },
    optional={"restart": st.just({"failed": ["web"], "stopped": []}), "overflow": st.just(True)},
)


@dataclass(frozen=True)
class Text:
    """A config file's text, and those parts of it, in order, that no edit of the key may touch."""

    whole: str
    kept: tuple[str, ...]


@st.composite
def entries(draw: st.DrawFn, indent: str, name: str) -> str:
    """One entry of people's, of one or more lines."""
    kind = draw(
        st.sampled_from(["plain", "literal", "folded", "flow", "lines", "list", "quoted", "comment", "blank"])
    )
    comment, word = draw(comments), draw(words)
    if kind in {"literal", "folded"}:
        header = ("|" if kind == "literal" else ">") + draw(st.sampled_from(["", "+", "-"]))
        blank = "\n" * draw(st.integers(0, 2))
        return f"{indent}{name}: {header}{comment}\n{indent}  # text\n{indent}   more\n{blank}"
    return {
        "plain": f"{indent}{name}: {word}{comment}\n",
        "flow": f"{indent}{name}: {{a: {word}, 'b': [1, {word}]}}{comment}\n",
        "lines": f"{indent}{name}: {{{comment}\n{indent}  a: {word},{comment}\n{indent}  }}{comment}\n",
        "list": f"{indent}{name}:{comment}\n{indent}- {word}\n{indent}-{comment}\n",
        "quoted": f'{indent}{name}: "two\n{indent}  lines"{comment}\n',
        "comment": f"{indent}# {name}: {word}\n",
        "blank": "\n",
    }[kind]


@st.composite
def scale_lines(draw: st.DrawFn, indent: str) -> str:
    """The autoscaler's key, as it or a person has written it; or nothing."""
    comment, name = draw(comments), draw(st.sampled_from([KEY, f'"{KEY}"', f"{KEY} "]))
    return draw(
        st.sampled_from(
            [
                "",
                f"{indent}{name}:{comment}\n",
                f"{indent}{name}: ~{comment}\n",
                f"{indent}{name}: {{}}{comment}\n",
                f"{indent}{name}: {{clusters: {{web: 2, old: 1}}, generation: 0x3}}{comment}\n",
                f"{indent}{name}: {{clusters: {{web: 2,}},{comment}\n{indent} generation: 3}}\n",
                f"{indent}{name}:{comment}\n{indent}  clusters:{comment}\n{indent}   web: 2{comment}\n"
                f"{indent}   'old': 1\n\n{indent}  # ours\n{indent}  groups: {{search: 1}}{comment}\n",
                f"{indent}{name}:\n{indent}- 1\n",
                f"{indent}{name}: |\n{indent}  text\n\n",
            ]
        )
    )


@st.composite
def blocks(draw: st.DrawFn) -> Text:
    """`config:` as a block among other keys."""
    indent = " " * draw(st.integers(1, 4))
    before = draw(st.lists(entries("", "encryptionsalt"), max_size=1)) + draw(
        st.lists(entries("", "x"), max_size=1)
    )
    first = draw(entries(indent, "p:a"))
    second = draw(entries(indent, "p:b"))
    after = draw(st.lists(entries("", "secretsprovider"), max_size=1))
    head = "".join(
        [draw(st.sampled_from(["", "# the team's\n", "---\n"])), *before, f"config:{draw(comments)}\n"]
    )
    scale, tail = draw(scale_lines(indent)), "".join(after)
    return Text(head + first + scale + second + tail, (head, first, second, tail))


@st.composite
def flows(draw: st.DrawFn) -> Text:
    """`config:` in braces."""
    comment, space = draw(comments), draw(st.sampled_from(["", " ", "\n  "]))
    mine = draw(st.sampled_from(["", f"{KEY}: {{clusters: {{web: 2}}}}", f'"{KEY}": ~', f"{KEY}: 3"]))
    others = draw(st.sampled_from(["p:a: 0x10", "'p:b': \"q\"", "'p:c'", ""]))
    inner = f",{space} ".join(part for part in draw(st.permutations([mine, others])) if part)
    head, tail = f"x: 1{comment}\nconfig: {{{space}", f"{space}}}{comment}\ny: {draw(words)}\n"
    return Text(head + inner + tail, (head.rstrip(), others, tail.strip()))


@st.composite
def beginnings(draw: st.DrawFn) -> Text:
    """No `config:` yet, or nothing under it."""
    comment = draw(comments)
    start = draw(st.sampled_from(["", "---\n", "# the team's\n"])) + draw(
        st.sampled_from(["", "x: |+\n  a\n\n", "x: 1\n"])
    )
    nothing = draw(st.sampled_from(["", " ~", " null", " {}"]))
    empty = draw(st.sampled_from(["", f"config:{nothing}{comment}\n", f"config:{nothing}{comment}\ny: 1\n"]))
    kept = (
        (
            start + "config:",
            *([comment] if comment else []),
            *(["y: 1\n"] if empty.endswith("y: 1\n") else []),
        )
        if empty
        else (start,)
    )
    return Text(start + empty, kept)


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """Any of them, with any line ends, one at the end or none, and a byte order mark or none."""
    text = draw(blocks() | flows() | beginnings())
    mark, newline = draw(st.sampled_from(["", "\ufeff"])), draw(st.sampled_from(["\n", "\r\n"]))
    whole = mark + text.whole.replace("\n", newline)
    last = text.whole.rstrip("\n").rsplit("\n", 1)[-1]
    if not last.startswith((" ", "\t")) and draw(st.booleans()):  # else it may be a block scalar's own line
        whole = whole.rstrip("\r\n")
    return Text(whole, tuple(part.replace("\n", newline).rstrip("\r\n") for part in text.kept))


def expected(old: dict[str, Any] | None, value: Any) -> dict[str, Any]:
    """What the file is to say once the key has the value; None for a key that goes."""
    config = dict((old or {}).get("config") or {})
    config.pop(KEY, None)
    if value is not None:
        config[KEY] = value
    return {**(old or {}), "config": config}
