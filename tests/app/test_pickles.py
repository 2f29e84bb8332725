"""A hub that offers a checkpoint's weights as pickles alone: the sentence, and nothing is fetched."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.app.test_hub import REPO, run


class Hub:
    """As much of the hub as says which files a repository has. `asked`: the paths of all requests."""

    def __init__(self, files):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                known = self.path.split("?")[0].startswith(f"/api/models/{REPO}")
                facts = {"id": REPO, "sha": "0" * 40, "siblings": [{"rfilename": name} for name in files]}
                body = json.dumps(facts if known else {"error": "not here"}).encode()
                self.send_response(200 if known else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_HEAD(self):
                self.do_GET()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("pickles", [True, False])
def test_a_checkpoint_that_is_offered_as_a_pickle_alone_is_refused_before_it_is_fetched(tmp_path, pickles):
    weights = "pytorch_model.bin" if pickles else "model.safetensors"
    with Hub(["config.json", weights]) as hub:
        found = run("prefetch", "sentiment", "--json", HF_HOME=str(tmp_path), HF_ENDPOINT=hub.url)
        problem = {row["id"]: row["problem"] for row in json.loads(found.stdout)}[REPO]
        after_the_first_word = hub.asked[1:]
    assert found.returncode == 1
    assert "\n" not in problem
    if pickles:
        assert "pickles" in problem
        assert problem.endswith("choose another model.")
        assert not after_the_first_word
    else:
        assert problem.startswith("The hub did not give it"), "this hub names its files and has none of them"
        assert after_the_first_word
    assert "Traceback" not in found.stderr.decode()
