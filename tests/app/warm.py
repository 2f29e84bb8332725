"""An interpreter that has imported the heavy libraries once and runs each script in a fork of itself: in a name space of its own,
with its own standard streams, working folder and environment, and seconds sooner than a new interpreter.

`python -m tests.app.warm` reads requests, a JSON line each, and answers each with the exit status.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from contextlib import contextmanager

SECONDS = 110  # of one script


def serve():
    import peft  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch
    import transformers

    # What `transformers` imports when it is first asked for.
    for name in ("AutoModel", "AutoTokenizer", "BertModel", "BertTokenizerFast", "pipeline"):
        getattr(transformers, name)
    assert torch.get_num_threads() == 1  # a pool of threads would not live on in a fork
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_run(**request))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(script, folder, environment, out, err):
    """In the fork. Returns the exit status."""
    signal.alarm(SECONDS)
    for path, stream in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv, sys.path[0] = [script], os.path.dirname(script)
    status = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


@contextmanager
def interpreter(root, **environment):
    """run(code, folder, tmp_path) -> subprocess.CompletedProcess. environment: what is read at an import, above all."""
    fixed = {"PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.app.warm"],
        cwd=root,
        env=os.environ | fixed | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(code, folder, tmp_path, **own):
            script, out, err = (tmp_path / name for name in ("snippet.py", "out.txt", "err.txt"))
            script.write_text(code, encoding="utf-8")
            request = {
                "script": str(script),
                "folder": str(folder),
                "environment": own,
                "out": str(out),
                "err": str(err),
            }
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "the warm interpreter has ended"
            said = (path.read_bytes().decode("utf-8") for path in (out, err))  # a written “\r” stays one
            return subprocess.CompletedProcess(str(script), int(answer), *said)

        try:
            yield run
        finally:
            process.stdin.close()


if __name__ == "__main__":
    serve()
