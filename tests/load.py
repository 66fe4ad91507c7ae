"""Load on a real server: threads that ping it over kept-alive connections, and remember what was acknowledged."""

import http.client
import threading
from collections.abc import Iterable
from urllib.parse import urlsplit
from uuid import uuid4

PATIENCE_SECONDS = 10


class Load:
    """Pings `urls` in turn, each with a run id of its own, from `connections` threads, for the length of the `with`.

    `acknowledged` are the run ids whose ping was answered with 200, `sent` all of them.
    """

    def __init__(self, base: str, urls: Iterable[str], connections: int) -> None:
        self._address = urlsplit(base).netloc
        self._paths = [urlsplit(url).path for url in urls]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ping, args=(number,)) for number in range(connections)]
        self.acknowledged: list[str] = []
        self.sent: list[str] = []
        self.refused: list[int] = []
        self.first = threading.Event()

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ping(self, number: int) -> None:
        """Until told to stop, or the server is gone."""
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_SECONDS)
        turn = number
        try:
            while not self._stop.is_set():
                rid = str(uuid4())
                self.sent.append(rid)
                connection.request("GET", f"{self._paths[turn % len(self._paths)]}?rid={rid}")
                answer = connection.getresponse()
                text = answer.read()
                if (answer.status, text) == (200, b"OK"):
                    self.acknowledged.append(rid)
                    self.first.set()
                else:
                    self.refused.append(answer.status)
                turn += len(self._threads)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()
