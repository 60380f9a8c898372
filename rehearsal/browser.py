"""A very small browser for the simulated readers: it opens a page over HTTP, finds its forms, and sends one."""

import http.client
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from core.errors import Unavailable

FOLLOWED = {301, 302, 303}


@dataclass
class Form:
    """A form of a page: where it goes, what it holds, which boxes can be ticked."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """What came back for a request."""

    status: int
    url: str
    text: str

    @property
    def forms(self) -> list[Form]:
        """The forms of the page, in order."""
        reader = _Forms(self.url)
        reader.feed(self.text)
        return reader.forms

    def form(self, ending: str) -> Form | None:
        """The first form whose action ends so."""
        return next((form for form in self.forms if form.action.rstrip("/").endswith(ending)), None)


class Browser:
    """One reader's browser, with its cookies. Loopback only: a rehearsal asks nobody else."""

    def __init__(self, timeout: float = 30) -> None:
        self.cookies: SimpleCookie = SimpleCookie()
        self.timeout = timeout

    def open(self, url: str) -> Page:
        """Show a page; raises `Unavailable` when the site is away."""
        return self._ask("GET", url, b"", {})

    def send(
        self,
        form: Form,
        *,
        ticked: dict[str, list[str]] | None = None,
        values: dict[str, str] | None = None,
        files: dict[str, bytes] | None = None,
        to: str = "",
    ) -> Page:
        """Send a form, with boxes ticked, fields filled in and files chosen; `to` is the goal of the button pressed."""
        typed = values or {}
        pairs = [(name, value) for name, value in form.fields if name not in typed] + list(typed.items())
        pairs += [(name, value) for name, chosen in (ticked or {}).items() for value in chosen]
        if files is None:
            body, kind = urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = _multipart(pairs, files)
        return self._ask("POST", to or form.action, body, {"Content-Type": kind, "Referer": form.action})

    def _ask(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Page:
        for _ in range(5):
            status, location, text = self._once(method, url, body, headers)
            if status not in FOLLOWED:
                return Page(status, url, text)
            method, url, body, headers = "GET", urljoin(url, location), b"", {}
        raise Unavailable(f"{url} redirects in circles.")

    def _once(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
        parts = urlsplit(url)
        if parts.hostname != "127.0.0.1":
            raise Unavailable(f"A simulated reader does not leave this machine: {url}")
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        try:
            cookie = "; ".join(f"{name}={each.value}" for name, each in self.cookies.items())
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body or None, {**headers, **({"Cookie": cookie} if cookie else {})})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            for each in answer.headers.get_all("Set-Cookie") or ():
                self.cookies.load(each)
            return answer.status, answer.headers.get("Location", ""), text
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url}: {error}") from error
        finally:
            connection.close()


class _Forms(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.outside: list[tuple[str, str, str, bool]] = []
        self.ids: dict[str, Form] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, given.get("action", ""))))
            if "id" in given:
                self.ids[given["id"]] = self.forms[-1]
        elif tag == "input" and "name" in given and "disabled" not in given:
            form = self.ids.get(given["form"]) if "form" in given else (self.forms[-1] if self.forms else None)
            if form is not None:
                self._take(form, given)

    def _take(self, form: Form, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind == "checkbox":
            form.boxes.setdefault(given["name"], []).append(given.get("value", "on"))
        elif kind in {"radio", "submit", "button", "file", "image"}:
            if kind == "radio" and "checked" in given:
                form.fields.append((given["name"], given.get("value", "on")))
        else:
            form.fields.append((given["name"], given.get("value", "")))


def _multipart(pairs: list[tuple[str, str]], files: dict[str, bytes]) -> tuple[bytes, str]:
    edge = secrets.token_hex(16)
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in pairs
    ]
    parts += [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="new.pem"\r\n'
        f"Content-Type: application/x-pem-file\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"
