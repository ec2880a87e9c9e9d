"""The grammar of a judge's lines once more, by hand and without a pattern: what `judging` reads is held against it."""

MORE_THAN_A_REASON = ("reason:", "valid", "/10", "/ 10", "out of 10")


def is_in_the_grammar(text, *, form, nonce, value):
    """Whether a reply says `value` (in small letters) in the lines of `form`, perhaps wrapped."""
    said = unwrapped(text)
    if said is None or "\n" not in said:
        return False
    head, rest = said.split("\n", 1)
    return is_head(head.removesuffix("\r").rstrip(" \t"), form, nonce, value) and is_reason(rest, form, nonce)


def unwrapped(text):
    for tag in ("think", "thinking"):
        text = text.replace(f"</{tag}>", "</think>").replace(f"<{tag}>", "<think>")
    said = text.rpartition("</think>")[2]
    if "<think>" in said:
        return None
    said = said.strip(" \t\r\n")
    if said.startswith("```") and said.endswith("```") and said.count("\n") >= 2:
        lines = said.split("\n")
        name = lines[0].removesuffix("\r").removeprefix("```").strip(" \t")
        if (not name or (name.isalpha() and len(name) <= 16)) and lines[-1].strip(" \t") == "```":
            said = "\n".join(lines[1:-1]).strip(" \t\r\n")
    return said


def spellings(word):
    return {word, word.upper(), word[:1].upper() + word[1:]}


def is_head(head, form, nonce, value):
    labels = [f"{word} {nonce}:" for word in spellings(form)]
    values = [[mark + word for word in spellings(said)] for mark, said in map(split, value.split(" "))]
    for label in labels:
        for start, end in (("", ""), ("**", "**")):
            for opened, closed in ((f"{start}{label} ", end), (f"{start}{label}{end} ", ""), (f"{label} {start}", end)):
                inner = head.removeprefix(opened).removesuffix(closed)
                if opened + inner + closed != head:
                    continue
                words = inner.split(" ")
                if len(words) == len(values) and all(word in known for word, known in zip(words, values)):
                    return True
    return False


def split(word):
    mark, equals, said = word.rpartition("=")
    return mark + equals, said


def is_reason(text, form, nonce):
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    labels = [f"{stars}{word}:{stars}" for word in spellings("reason") for stars in ("", "**")]
    if not lines or len(lines) > 3 or not any(lines[0].startswith(label) for label in labels):
        return False
    more = " ".join(lines[1:]).lower()
    return not any(word in more for word in (*MORE_THAN_A_REASON, nonce, form))
