# docker build -t four-tiers .
# docker run --rm -p 7860:7860 four-tiers
#
# A CPU build of torch, hundreds of megabytes smaller: name the index that has it,
#   docker build --build-arg EXTRA_INDEX_URL=ADDRESS -t four-tiers .
FROM python:3.11-slim

ARG EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

RUN useradd --create-home --uid 1000 playground
WORKDIR /home/playground/app

COPY requirements.txt .
RUN pip install ${EXTRA_INDEX_URL:+--extra-index-url "$EXTRA_INDEX_URL"} -r requirements.txt

COPY --chown=playground app.py .
COPY --chown=playground assets assets
COPY --chown=playground playground playground

USER playground
# Inside a container every visitor comes from outside: this is a public server, with its rules (README, "A public server").
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["python", "app.py"]
