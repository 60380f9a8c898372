"""What an automatic reply says about an absence: when the person is back, who stands in, or that he has left.

It is read for people who decide, and nothing follows from it by itself. What cannot be told for certain stays untold.
"""

import re
from dataclasses import dataclass
from datetime import date

from notices.dates import DAY_FIRST, LONGEST, MONTH_FIRST, Found, dates

SUBSTITUTES = 10
CLOSE = 40
"""Characters between a date and what belongs to it."""
ATOM = r"[\w.!#$%&'*+/=?^`{|}~-]"
ADDRESS = re.compile(rf"(?<!{ATOM}){ATOM}{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}}")
QUOTED = re.compile(
    r"^(?:[\s*_-]{0,6}-{2,}\s*(?:original|ursprüngliche|"
    r"message d'origine|mensaje original|原始邮件|原邮件|元のメッセージ|"
    r"urspr|origin|forwarded)[^\n]*|(?:on|am|le|el|il|op)\b[^\n]{4,120}(?:wrote|schrieb|écrit|escribió|"
    r"ha scritto|schreef)[^\n]{0,60}:?|"
    r"(?:from|von|de|发件人|差出人|寄件者)\s*[:\uff1a][^\n]*@[^\n]*|在[^\n]{4,80}写道[:\uff1a]?|_{10,})\s*$",
    re.IGNORECASE | re.MULTILINE,
)
BACK = (
    r"return\w*|\bback\b|resum\w+|\b(?:re)?available (?:again )?(?:from|on|as of|after)|"
    r"reachable (?:again )?(?:from|on|as of)|"
    r"in the office (?:again )?(?:from|on|as of)|available again|"
    r"wieder|zurück|zurueck|rückkehr|rueckkehr|erreichbar ab|"
    r"de retour|retour|reviens|reviendrai|reprends|reprendrai|rentre|disponible (?:à partir|dès)|"
    r"regres\w+|vuelv\w+|volver\w*|de vuelta|reincorpor\w+|retorn\w+|disponible a partir|"
    r"rientr\w+|torner\w+|di ritorno|volto|voltarei|estarei de volta|terug|weer (?:aanwezig|bereikbaar)|tillbaka|"
    r"返回|回来|回來|回到|上班|返岗|恢复|恢復|回公司|复工|销假|復帰|出社|出勤|戻|再開|営業開始|복귀"
)
UNTIL = r"until|till|\btil\b|through|thru|\bbis\b|jusqu\w*|hasta|fino|até|\btot\b|t/m|直到|至|到|ends?|ending"
FROM = (
    r"\bfrom\b|since|starting|\bvom\b|\bab\b|\bseit\b|\bdu\b|à partir|depuis|desde|\bdel\b|dal|\bvan\b|vanaf|"
    r"从|自|より|から|부터|as of"
)
AFTER_BACK = re.compile(
    r"\s*(?:\([^)]{1,6}\)|（[^）]{1,6}）)?\s*[^\n。.!?]{0,14}?(?:wieder|zurück|zurueck|erreichbar|返回|回来|回來|上班|恢复|恢復|"
    r"返岗|回公司|回到|复工|"
    r"復帰|出社|出勤|戻|再開|営業開始|복귀|(?:will )?return|i(?:'ll| will| am|'m)? (?:be )?back|de retour|de vuelta)",
    re.IGNORECASE,
)
AFTER_UNTIL = re.compile(r"\s*(?:\([^)]{1,6}\)|（[^）]{1,6}）)?\s*(?:まで|迄|까지|之前|以前|为止|為止|止|前)")
BACK_BEFORE = re.compile(rf"(?:{BACK})[^\n。.!?;；]{{0,45}}$", re.IGNORECASE)
UNTIL_BEFORE = re.compile(rf"(?:{UNTIL})\W{{0,3}}(?:\w{{1,16}}\W{{1,3}}){{0,4}}$", re.IGNORECASE)
FROM_BEFORE = re.compile(rf"(?:{FROM})\W*(?:\w{{1,10}}\W{{1,3}}){{0,2}}$", re.IGNORECASE)
RANGE = re.compile(
    r"\s*(?:\([^)]{1,6}\))?\s*(?:[-–—~〜~至到]|から|より|to|bis(?: zum)?|until|till|through|thru|au|al|and|und|tot|t/m|"
    r"até)\s*\w{0,10}\W{0,3}$",
    re.IGNORECASE,
)
SPAN = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th|\.)?\s*(?:[-–—]|to|bis(?: zum)?|through|au|al|and|a|e|tot)\s*(?:the |den )?$",
    re.IGNORECASE,
)
AWAY = re.compile(
    r"out of (?:the )?office|\bout (?:until|till|from|on)\b|\booo\b|away|absen|\bleave\b|vacation|holiday|"
    r"annual leave|travel|not in the office|unavailable|limited access|"
    r"abwesend|nicht (?:im|am) (?:büro|haus|arbeitsplatz)|urlaub|nicht erreichbar|außer haus|congé|vacances|"
    r"fuera de|vacaciones|ausente|"
    r"fuori|ferie|férias|fora do|afwezig|vakantie|休假|出差|外出|"
    r"不在|休暇|放假|请假|年假|假期|休業|お休み|휴가|부재|semester|отпуск|отсутств",
    re.IGNORECASE,
)
LEFT = re.compile(
    r"no longer (?:work|with|employed|at|part of|in (?:this|the) (?:role|position)|in use|monitored|active|"
    r"valid)|(?:has|have) left (?:the |our )?(?:company|organi|firm|\w+$)|"
    r"left the (?:company|organi|firm)|nicht mehr (?:für|bei|im unternehmen|in unserem|tätig|in der firma|"
    r"gültig)|ausgeschieden|"
    r"ne (?:fait|fais) plus partie|ne travaille plus|a quitté|ya no (?:trabaj|form|est)|non (?:lavora|fa) più|"
    r"離職|离职|已离开|退職|退社|不再",
    re.IGNORECASE,
)
LANGUAGES = {
    MONTH_FIRST: r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]",
    DAY_FIRST: r"\b(?:ich|und|nicht|bin|wieder|büro|je|suis|vous|votre|bureau|estoy|estaré|usted|hasta|sono|fino|"
    r"você|estou|até|ik|niet|jag|jestem|nie|я|до)\b",
}


@dataclass(frozen=True, slots=True)
class Absence:
    """What an automatic reply says: the day of return as an ISO date (empty if it cannot be told), the words that it
    was read from, other addresses that it names, and whether the person is gone for good."""

    return_date: str = ""
    words: str = ""
    substitutes: tuple[str, ...] = ()
    has_left: bool = False


def absence(subject: str, text: str, *, written: date | None, locale: str = "") -> Absence:
    """Read an automatic reply. `locale` is the language tag of its header, if it has one."""
    said = own_words(text[:LONGEST])
    heading = re.split(r"\[|\b(?:re|aw|sv|fwd?|wg)\s*[:\uff1a]|回复\s*[:\uff1a]", subject, flags=re.IGNORECASE)[0]
    whole = f"{heading}\n{said}"
    has_left = bool(LEFT.search(whole))
    found, near_words = _return(whole, written=written, order=_order(whole, locale))
    return Absence(
        return_date=found.isoformat() if found and not has_left else "",
        words=near_words,
        substitutes=tuple(dict.fromkeys(each.rstrip(".").lower() for each in ADDRESS.findall(said)))[: SUBSTITUTES * 3],
        has_left=has_left,
    )


def own_words(text: str) -> str:
    """A reply without the message that it quotes."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith((">", "|"))]
    kept = "\n".join(lines)
    quoted = QUOTED.search(kept)
    return kept[: quoted.start()] if quoted and kept[: quoted.start()].strip() else kept


def _order(text: str, locale: str) -> str:
    """How the writer orders day and month in figures: English alone does not say, but the tag of a country does."""
    for order, pattern in LANGUAGES.items():
        if len(set(re.findall(pattern, text.lower()))) > 1:
            return order
    tag = locale.split(",", maxsplit=1)[0].strip().lower()
    if tag == "en-us" or tag[:2] in {"zh", "ja", "ko"}:
        return MONTH_FIRST
    return DAY_FIRST if (tag and tag[:2] not in {"en"}) or tag in {"en-gb", "en-au", "en-nz", "en-ie", "en-in"} else ""


def _return(text: str, *, written: date | None, order: str) -> tuple[date | None, str]:
    """The day of return: where the text says "back", else the end of the absence."""
    found = [each for each in dates(text, near=written, order=order) if each.days]
    backs = [each for each in found if _is_back(text, each, found)]
    ends = [each for each in found if each not in backs and _is_end(text, each, found)]
    for chosen in (backs[:1], ends[-1:] if AWAY.search(text) else ()):
        for each in chosen:
            return each.day, " ".join(text[max(0, each.start - 40) : each.end + 20].split())
    return None, ""


def _is_back(text: str, found: Found, others: list[Found]) -> bool:
    before = _clause(text, found.start)
    if (
        re.search(
            r"(?:get|call|come|write|melde\w*|rufe\w*)\s[^\n]{0,20}(?:back|zurück)[^\n]{0,8}\bto\b",
            before,
            re.IGNORECASE,
        )
        and "when" in before
    ):
        return False
    after = text[found.end : found.end + 40]
    if AFTER_UNTIL.match(after):
        return False
    if match := BACK_BEFORE.search(before):
        rest = before[match.start() :]
        return not re.search(r"\b(?:until|till|bis|jusqu\w*|hasta)\b", rest, re.IGNORECASE) or not AWAY.search(rest)
    if not (match := AFTER_BACK.match(after)):
        return False
    cue = found.end + match.end()
    return not any(found.end <= each.start < cue + CLOSE and "." not in text[cue : each.start] for each in others)


def _is_end(text: str, found: Found, others: list[Found]) -> bool:
    """Whether an absence ends then."""
    if found.first is not None:
        return True
    before = _clause(text, found.start)
    if AFTER_UNTIL.match(text[found.end : found.end + 20]):
        return True
    starts = [each for each in others if each.end <= found.start and found.start - each.end < CLOSE]
    if starts and RANGE.match(text[starts[-1].end : found.start]):
        return True
    if SPAN.search(before):
        return True
    return bool(UNTIL_BEFORE.search(before)) and not FROM_BEFORE.search(before)


def _clause(text: str, end: int) -> str:
    """What stands before a place in the same sentence."""
    start = max(0, end - 90)
    part = text[start:end]
    return re.split(r"\n\s*\n|[!?。]|(?<=[a-zäöüéèà]{3})\.\s", part)[-1].replace("\n", " ")
