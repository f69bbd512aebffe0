"""Whether a sentence that begins with a name may be about the bearer of that name, and for nobody: `tell build passed`.

Pure. There is no dictionary here: a word is a verb when it is a common one, or ends as verbs do.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())


# What begins so is a sentence of its own, so the name before it is nobody's subject.
_OPENS = words("""
about add asking ask be bring bye cheers come congrats congratulations dear do don't dont get give good goodbye great
greetings happy hello help here here's hey hi i'd i'll i'm i've keep let let's make need ok okay please put remember
saying see sorry sure take telling thank thanks thx to try use welcome yep yes
""")
# So is what has its own subject or object, unless a preposition binds it to what is before: `build of the app failed`.
_OWN = words("""
a all an another any both each every he he's her his how i i'd i'll i'm i've it it's its my our she she's some somebody
someone that that's the their there there's these they they're they've this those we we'll we're we've what which who
why you you're you've your
""")
_PREPOSITIONS = words(
    "about after at before by during for from in into of on over per since than through to under via with"
)
_PRONOUNS = words("anybody anyone he i it she somebody someone that there they this we you")
_ADVERBS = words("almost already always ever just maybe nearly often perhaps still")

_ASKS = words("am are can could did does had has have is may might must shall should was were will would")
_SAYS = _ASKS | words("""
accepts agreed agrees ain't announces answers appears aren't arose asks ate became becomes began begins believes bent
bit bled blew bought bound breaks bred broke brought built burst came can't cancels cannot caught chose claims closes
comes confirms contains couldn't crashes denies depends didn't dies doesn't drew drives drove dug eats ends exists
expects fails fed fell felt finds fits fled flew flung forgets forgot forwards fought found freed froze gave gets gives
goes got grew guaranteed hadn't halts hangs happens hasn't hates haven't heard hears held helps hid hit holds hopes
hung hurt insists isn't keeps kept knew knows laid leant leaves led left lent lies likes listens lives loads looks
loses lost loves made makes means meant met misses moves mustn't needs opens overran overslept overwrote owes owns paid
passes pays prefers promises proves puts quit quits ran rang redid refuses rejects remains replies requires responds
restarts returns rid rises rode rose runs said sang sank sat saw says seems sees sends sent shone shook shot shouldn't
shows shrank sits slept slid slung sold sought spat speaks sped spends spent spoke sprang stank starts stays stole
stood stops struck stung succeeds suggests supports swam swept swore swung takes talks taught tells thinks thought
threw throws took tore tries trod turns understands understood undid uses waits wakes wants wasn't went wept weren't
withdrew woke won won't wonders wore works worries wouldn't wound writes wrote
""")
_IS = words("""
absent alive asleep available awake away back broken busy complete dead dirty done down empty flaky forgotten frozen
full gone green hidden idle late missing offline online out overdue ready red seen shown sick slow stale stolen stuck
taken thrown unavailable unhealthy unreachable unstable unwell up written wrong
""")
_NO_PAST = words("biped embed hundred kindred naked sacred wicked")
_NO_ING = words("bring during evening heading meeting morning spring string")
_NO_S = words("always as hers his its ours perhaps plus regards this thus us various yours")


def may_be_subject(said: Sequence[str]) -> bool:
    """Return whether a name before the words *said*, in lower case, may be what they speak of.

    The name may be the first word of the subject only: `tell nightly build failed`.
    """
    heard = [word for word in said if word not in _ADVERBS and not (word.endswith("ly") and len(word) > 5)]
    for place, word in enumerate(heard):
        follows = heard[place + 1] if place + 1 < len(heard) else ""
        if place == 0 and (word in _OPENS or (word in _ASKS and follows in _PRONOUNS and len(heard) > 2)):
            return False
        if word in _OWN and (place == 0 or heard[place - 1] not in _PREPOSITIONS):
            return False
        if _says(word, follows) or (place == 0 and _ends_as_a_verb(word)):
            return True
    return False


def _says(word: str, follows: str) -> bool:
    past = word.endswith("ed") and not word.endswith("eed") and len(word) > 3 and word not in _NO_PAST
    return past or word in _SAYS or (word in _IS and follows not in _OWN)


def _ends_as_a_verb(word: str) -> bool:
    """Return whether a word right after a name may be said of it: `db restarting`, `fred owns the log`."""
    if word.endswith("ing"):
        return len(word) > 5 and word not in _NO_ING
    return word.endswith("s") and not word.endswith(("ss", "'s")) and word not in _NO_S
