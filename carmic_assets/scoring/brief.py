"""What the user asked for: bounds, kind of video, instructions in their own words. Parsing only; scores nothing."""

from __future__ import annotations

import re

import msgspec

VIDEO_TYPES = (
    "auto", "podcast", "interview", "tutorial", "lecture", "webinar", "vlog", "gaming", "news", "sports", "other",
)  # fmt: skip


class Brief(msgspec.Struct, frozen=True):
    """`threshold` None: a quality line with a floor on the count that grows with length; a number: only clips at or
    above it, but never none. `max_clips` None: as many as the length carries. `span` (source clock) bounds what is
    looked at. `language` None: the transcript's own."""

    max_clips: int | None = None
    min_s: float = 15.0
    max_s: float = 60.0
    threshold: int | None = None
    custom_instructions: str = ""
    video_type: str = "auto"
    language: str | None = None
    span: tuple[float, float] | None = None


class Wish(msgspec.Struct, frozen=True):
    """One thing asked for, or asked to be left out (`sign` -1): named features, and what it should be about."""

    sign: int
    features: tuple[str, ...]
    topic: str  # the words that remain; "" where the features say it all


# Words of a request, by stem, and the named feature they ask for.
_ASKS = {
    "laughter": "laugh funny humor humour joke hilarious comic comedy giggl amus rire risa reír graci lach witz lustig risat engraçad grappig",
    "applause": "applau clap cheer ovation aplaus beifall",
    "number": "number statistic figure data percent stats metric quantit número cifra chiffre zahl numer cijfer numeri",
    "question_answer": "question answer q&a ask pregunta question frage domand pergunt vraag",
    "emotion": "emotion emotional moving touching heartfelt tear cry sad vulnerab emoci émotion gefühl emozion emoç",
    "contrast": "contrarian counterintuitive counter-intuitive surpris disagree controvers unpopular myth debunk contrast",
    "story": "story stories storytelling anecdot narrativ historia histoire geschichte storia história verhaal",
    "substance": "insight lesson advice takeaway wisdom learning learnings consejo conseil rat consiglio conselho",
    "second_person": "actionable practical tips howto how-to step",
    "energy": "energetic excited exciting loud passionate enthusias intense shout",
    "exchange": "argument debate conversation dialogue banter back-and-forth exchange",
    "motion": "action movement visual motion",
    "hook": "hook",
}
_ASK_STEMS = {stem: feature for feature, stems in _ASKS.items() for stem in stems.split()}
# Words of a request that carry no topic.
_BOILERPLATE = frozenset(
    """focus on the a an of in to and or for with about where when which who whom that this these those is are was were be
    being been it its only just please find give me us i we want would like need look looking pick choose select prefer
    clip clips segment segments moment moments part parts section sections bit bits scene scenes portion portions video
    talk speaker speakers guest guests host hosts person people someone anyone everybody they he she their his her any all
    some more most lots lot many much mainly mostly especially particularly talks talking talked speak speaks speaking
    discuss discusses discussing discussed mention mentions mentioning mentioned say says saying said tell tells telling
    explain explains explaining get show shows showing use include including includes make made from at by as do does not
    no don't dont without avoid skip exclude ignore leave out anything everything how they're he's she's good great best
    really very high there concentrate highlight highlights things thing stuff content relevant related topic topics
    sobre la el los las de del que donde cuando parte partes enfócate y o un una le les des du où sur qui quand partie et
    die der das den dem über wo wenn teil teile und oder ein eine il lo gli su dove quando parti e foco nos nas os as onde
    over het een waar wanneer deel delen en of""".split()
)
_NEGATIVE = re.compile(
    r"\b(?:no|not|don't|dont|do not|without|avoid|skip|exclude|ignore|leave out|nothing|less|fewer|sin|sans|ohne|senza|sem|zonder)\b"
)


def wishes(instructions: str) -> tuple[Wish, ...]:
    """The clauses of the instructions, each with its direction. Text that asks for nothing gives an empty tuple."""
    found = []
    for clause in re.split(
        r"[.;,!?\n]|\bbut\b|\bpero\b|\bmais\b|\baber\b", instructions[:2000].lower().replace("’", "'")
    ):
        words = re.findall(r"\w[\w'&-]*", clause)
        features, topic = [], []
        for word in words:
            if word in _BOILERPLATE:
                continue
            feature = next((_ASK_STEMS[word[:n]] for n in range(len(word), 2, -1) if word[:n] in _ASK_STEMS), None)
            if feature:
                features.append(feature)
            else:
                topic.append(word)
        if features or topic:
            sign = -1 if _NEGATIVE.search(clause) else 1
            found.append(Wish(sign, tuple(dict.fromkeys(features)), " ".join(topic)))
    return tuple(found)
