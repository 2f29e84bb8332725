"""Four Tiers Playground: settings -> runtime -> service -> page. `demo` is what a Space looks for."""

from playground.compose import compose_or_exit, quiet_network, set_up_logging
from playground.settings import Settings

settings = Settings()
set_up_logging(settings.log_level)
quiet_network(settings)  # before gradio is imported

from playground.serve import serve  # noqa: E402
from playground.ui import build  # noqa: E402

service = compose_or_exit(settings)
demo = build(service)

if __name__ == "__main__":
    serve(demo, service)
