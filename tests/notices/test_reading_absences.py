"""When somebody is back, as out-of-office texts say it."""

from datetime import date

import pytest

from notices.absence import absence

WRITTEN = date(2024, 3, 20)
CERTAIN = [
    ("I am out of the office until 28 March 2024.", "2024-03-28"),
    ("I am out of the office until March 28, 2024 and will reply then.", "2024-03-28"),
    ("I'm on annual leave and will be back on Thursday, March 28th.", "2024-03-28"),
    ("I will be out of the office from 25 March 2024 to 5 April 2024.", "2024-04-05"),
    ("I am away from March 25 through April 5, returning on Monday April 8.", "2024-04-08"),
    ("I'm out of office until 2024-03-28. For urgent matters ring 555-0100.", "2024-03-28"),
    ("Away 2024-03-25 - 2024-04-02.", "2024-04-02"),
    ("I will be traveling for work on July 10-31.", "2024-07-31"),
    ("On vacation. Back 28-Mar-2024.", "2024-03-28"),
    ("I am on leave, I return to the office on the 28th of March, 2024", "2024-03-28"),
    ("I'm on holiday. I will be back on the 28th.", "2024-03-28"),
    ("I am out of office and will be back on 03/28/2024.", "2024-03-28"),
    ("I am out of office and will be back on 28/03/2024.", "2024-03-28"),
    ("Out of office 03/25/2024 to 04/05/2024.", "2024-04-05"),
    ("I am out of the office until Thursday 03/04/2024 without access.", ""),
    ("I am out of the office until Monday 04/01/2024.", "2024-04-01"),
    ("I am away until 04/04/2024.", "2024-04-04"),
    ("I'm out until January 8.", "2025-01-08"),
    ("I will be out of the office starting 03/25/2024 and will not return until 04/02/2024.", "2024-04-02"),
    ("I am currently away returning to the office on May 5th.", "2024-05-05"),
    ("I'm OOO 3/25-4/5. Back 4/8.", "2024-04-08"),
    ("I'm on parental leave until 1 September 2024", "2024-09-01"),
    ("您好！我于2024年3月20日至28日休假，3月29日恢复工作。", "2024-03-29"),
    ("Ich bin bis einschließlich 28. März 2024 nicht im Büro.", "2024-03-28"),
    ("Ich bin vom 20.03. bis 28.03.2024 im Urlaub.", "2024-03-28"),
    ("Ich bin ab dem 02.04.2024 wieder erreichbar.", "2024-04-02"),
    ("Vielen Dank für Ihre Nachricht. Ich bin am 2.4. wieder im Büro.", "2024-04-02"),
    ("Ich bin derzeit nicht erreichbar. Am Dienstag, den 2. April 2024, bin ich zurück.", "2024-04-02"),
    ("Ich bin bis zum 03/04/2024 im Urlaub und nicht im Büro.", "2024-04-03"),
    ("Je suis absente du bureau jusqu'au 28 mars 2024 inclus.", "2024-03-28"),
    ("Je suis en congé du 20/03/2024 au 03/04/2024.", "2024-04-03"),
    ("Je serai de retour le 1er avril 2024.", "2024-04-01"),
    ("Absent du bureau, retour le mardi 2 avril.", "2024-04-02"),
    ("Estaré fuera de la oficina hasta el 28 de marzo de 2024.", "2024-03-28"),
    ("Estoy de vacaciones del 20 al 28 de marzo. Gracias.", "2024-03-28"),
    ("Estoy ausente. Regreso el 1 de abril.", "2024-04-01"),
    ("Estoy de vacaciones hasta el 05/04/2024, usted puede escribir a otra persona.", "2024-04-05"),
    ("您好,我正在休假,将于2024年4月2日返回。", "2024-04-02"),
    ("我在2024年3月20日至2024年4月1日期间休假。", "2024-04-01"),
    ("本人3月20日至28日外出,无法及时回复邮件。", "2024-03-28"),
    ("出差至4月2日,4月3日上班。", "2024-04-03"),
    ("休假中,三月二十八日回来。", "2024-03-28"),
    ("本人休假至3月28号,如有急事请联系同事。", "2024-03-28"),
    ("不在にしております。3月28日(木)に出社いたします。", "2024-03-28"),
    ("3月20日から3月28日まで休暇をいただいております。", "2024-03-28"),
    ("4/1(月)まで不在です。ご連絡は折り返しいたします。", "2024-04-01"),
    ("2024/04/02より出社いたします。", "2024-04-02"),
    ("令和6年4月2日まで休業いたします。", "2024-04-02"),
    ("Sono fuori ufficio fino al 28 marzo 2024.", "2024-03-28"),
    ("Ik ben afwezig tot en met 28 maart 2024.", "2024-03-28"),
    ("Estou de férias até 28 de março de 2024.", "2024-03-28"),
]
UNCERTAIN = [
    "I am out of the office until 03/04/2024.",
    "I am out of the office until 3/4.",
    "I will be back on 05/06/2024.",
    "I am out of the office until further notice.",
    "I will be back tomorrow.",
    "I will be back on Monday.",
    "I am out of the office today, 20 March 2024.",
    "I'll be back in April 2024.",
    "Thank you for your message. Ticket 2024-0328 has been opened on 20 March 2024.",
    "As of 1 April 2024 I no longer work for Example Bank. Please write to new.person@bank.example.",
    "Ich bin seit dem 1. März 2024 nicht mehr für die Beispielbank tätig.",
    "I am out until 31 February 2024.",
    "I am out until 99/99/2024.",
    "我正在休假,请稍后联系。",
    "",
]


@pytest.mark.parametrize(("text", "expected"), CERTAIN)
def test_the_day_of_return_is_read(text: str, expected: str):
    assert absence("Automatic reply", text, written=WRITTEN).return_date == expected


@pytest.mark.parametrize("text", UNCERTAIN)
def test_what_cannot_be_told_for_certain_stays_untold(text: str):
    assert absence("Automatic reply", text, written=WRITTEN).return_date == ""


def test_the_country_of_the_language_decides_about_figures():
    text = "I am out of the office until 03/04/2024."
    assert absence("", text, written=WRITTEN, locale="en-US").return_date == "2024-03-04"
    assert absence("", text, written=WRITTEN, locale="en-GB").return_date == "2024-04-03"
    assert absence("", text, written=WRITTEN, locale="en").return_date == ""


def test_a_date_in_the_subject_counts_but_not_one_of_our_own_subject():
    assert absence("Out of office until 28 March", "Thank you.", written=WRITTEN).return_date == "2024-03-28"
    ours = "Automatic reply: [Action by Sun 24 Mar 2024 08:30 UTC] 62 certificates until 24 March 2024"
    assert absence(ours, "I am out of the office.", written=WRITTEN).return_date == ""


def test_dates_of_a_quoted_notice_do_not_count():
    for quoted in (
        "> until 24 March 2024",
        "On Tue, 19 Mar 2024, Example CA wrote:\nback on 24 March 2024",
        "-----Original Message-----\nFrom: ca@ca.example\nuntil 24 March 2024",
        "Von: ca@ca.example\nbis 24.03.2024",
        "发件人: ca@ca.example\n2024年3月24日返回",
    ):
        assert absence("", f"I am out of the office.\n\n{quoted}", written=WRITTEN).return_date == ""


def test_without_the_day_of_writing_only_whole_dates_are_told():
    assert absence("", "I am away until 28 March.", written=None).return_date == ""
    assert absence("", "I am away until 28 March 2024.", written=None).return_date == "2024-03-28"


def test_substitutes_are_named_once_each():
    text = "Please write to Ben <ben@bank.example>, BEN@bank.example, or support@bank.example."
    assert absence("", text, written=WRITTEN).substitutes == ("ben@bank.example", "support@bank.example")


def test_somebody_who_has_left_is_told_apart():
    assert absence("", "Anna no longer works at Example Bank.", written=WRITTEN).has_left
    assert absence("", "张伟已离职,请联系李娜。", written=WRITTEN).has_left
    assert not absence("", "I am out of the office.", written=WRITTEN).has_left


@pytest.mark.parametrize("text", ["1" * 50_000, "1.1." * 20_000, "until " * 20_000, "月日年" * 20_000, "a@" * 30_000])
def test_odd_texts_take_no_time(text: str):
    assert absence("", text, written=WRITTEN).return_date == ""
